"""The journal under torn writes, and a comparison that is killed half-way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.errors import DamagedJournal, StorageFull
from benchmarks.journal import Journal
from benchmarks.records import BatchRecord, OutcomeRecord
from benchmarks.summary import summarise

HERE = Path(__file__).parent


def chunk(start):
    rows = [OutcomeRecord(strategy="s", example=str(n), state="ok") for n in (start, start + 1)]
    return [*rows, BatchRecord(strategy="s", n=2, seconds=1.0)]


def test_any_torn_tail_is_cut_back_to_whole_batches(tmp_path):
    journal = Journal(tmp_path / "outcomes.jsonl")
    journal.append(chunk(0))
    size = journal.path.stat().st_size
    journal.append(chunk(2))
    whole = journal.path.read_bytes()
    for cut in range(size, len(whole)):
        journal.path.write_bytes(whole[:cut])
        assert journal.mend() == chunk(0)
        assert journal.path.read_bytes() == whole[:size]
    journal.append(chunk(2))
    assert journal.read() == [*chunk(0), *chunk(2)]


def test_a_line_that_is_no_record_is_named(tmp_path):
    journal = Journal(tmp_path / "outcomes.jsonl")
    journal.append(chunk(0))
    journal.path.write_bytes(journal.path.read_bytes() + b"{}\n")
    with pytest.raises(DamagedJournal, match="line 4"):
        journal.read()


def test_what_does_not_fit_on_the_disk_is_taken_back(tmp_path):
    """A limit on the file's size stands for a full disk: the write is cut short by the system."""
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from benchmarks.errors import StorageFull\n"
        "from benchmarks.journal import Journal\n"
        "from test_journal import chunk\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "journal.append(chunk(0))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 50,) * 2)\n"
        "try:\n"
        "    journal.append(chunk(2))\n"
        "except StorageFull as error:\n"
        "    print(error)\n"
    )
    path = tmp_path / "outcomes.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "run again; the run continues" in done.stdout
    assert Journal(path).read() == chunk(0)


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(StorageFull, match="No such file"):
        Journal(tmp_path / "missing" / "outcomes.jsonl").append(chunk(0))


def without_times(summary):
    """What must not depend on having been killed: all but seconds and the money they cost."""
    timed = {"cost", "latency_ms", "throughput_per_s"}
    rows = [row.model_dump(exclude=timed) for row in summary.strategies]
    return rows, summary.comparisons, summary.disagreements


def test_a_run_killed_half_way_goes_on_as_if_it_never_was(tmp_path):
    command = [sys.executable, str(HERE / "slow_run.py")]
    broken, unbroken = tmp_path / "broken", tmp_path / "unbroken"
    journal = Journal(broken / "outcomes.jsonl")
    kills = 0
    for lines in (20, 150, 400):
        process = subprocess.Popen([*command, str(broken), "0.002"])
        wait_for_lines(journal.path, lines, process)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 2
    subprocess.run([*command, str(broken), "0.0"], check=True)
    subprocess.run([*command, str(unbroken), "0.0"], check=True)
    again = [row for row in journal.read() if isinstance(row, OutcomeRecord)]
    assert len({(row.strategy, row.example) for row in again}) == len(again) == 3 * 100
    whole = Journal(unbroken / "outcomes.jsonl").read()
    assert [row for row in whole if isinstance(row, OutcomeRecord)] == again
    assert [row.n for row in whole if isinstance(row, BatchRecord)] == [
        row.n for row in journal.read() if isinstance(row, BatchRecord)
    ]
    assert without_times(summarise(journal.read())) == without_times(summarise(whole))


def wait_for_lines(path, lines, process):
    """Until the journal has so many lines, or the run is over."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.005)
