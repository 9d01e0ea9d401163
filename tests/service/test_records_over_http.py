"""The records of a comparison over HTTP: with its report, the run folder of a command line."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from example_run import example_records
from in_process import NAME, as_folder, do_all, key_of, queued, services_of, stored
from serving import API, client_of, environment, key_for, start, submit

from benchmarks.journal import JOURNAL, Journal, line_of
from benchmarks.records import BatchRecord, EndRecord, OutcomeRecord
from service.at_hand import Worker
from service.cli import cli
from service.computing import Computer
from service.dispatch import LAST_POSITION
from service.errors import NotFound
from service.exits import DONE, FAILED
from service.report import build_report
from service.services import Services
from service.stored_records import StoredRecords, lines_of

DOCS = Path(__file__).parents[2].joinpath("docs/service.md").read_text()
TUNEWORTH = (sys.executable, "-c", "from service.cli import main; main()")
SERVE = """
from service.serve import serve
from service.settings import Settings
serve(Settings.from_environment(), worker=None)
"""
STRATEGIES = ["baseline.majority", "baseline.nearest"]


def answers(*examples: str) -> list[OutcomeRecord | BatchRecord]:
    rows = [
        OutcomeRecord(strategy="a", example=one, state="ok", text="é\u2028") for one in examples
    ]
    return [*rows, BatchRecord(strategy="a", n=len(rows), seconds=1.0)]


def unit(at: Services, work: str, position: int) -> StoredRecords:
    return StoredRecords(at.store.begin, lambda session: None, work, position)


@pytest.fixture
def client(settings):
    with client_of(settings) as found:
        yield found


@pytest.fixture(scope="module")
def computed(tmp_path_factory) -> tuple[Path, str]:
    """A data folder, and the address of a comparison that was really computed there."""
    data = tmp_path_factory.mktemp("data")
    with client_of(data) as client:
        address = start(client, submit(client, strategies=STRATEGIES))
        do_all(services_of(client), key_of(address))
    return data, address


@pytest.fixture
def fetched(computed, tmp_path, monkeypatch) -> Path:
    """A folder with what was fetched of it."""
    monkeypatch.setattr("service.stored_records.PAGE", 1)
    data, address = computed
    folder = tmp_path / "run"
    folder.mkdir()
    with client_of(data) as client:
        for name, ending in ((JOURNAL, "records.jsonl"), ("report.json", "report.json")):
            reply = client.get(f"{address}/{ending}")
            assert reply.status_code == 200
            (folder / name).write_bytes(reply.content)
        whole = as_folder(services_of(client), key_of(address), tmp_path / "whole")
    assert (folder / JOURNAL).read_bytes() == (whole / JOURNAL).read_bytes()
    return folder


def test_what_was_fetched_is_verified(fetched) -> None:
    said = CliRunner().invoke(cli, ["verify", str(fetched)])
    assert said.exit_code == DONE, said.output
    again = build_report(Journal(fetched / JOURNAL).read()).as_json()
    assert again == (fetched / "report.json").read_text()


def test_records_that_were_changed_on_the_way_are_found_out(fetched) -> None:
    journal = Journal(fetched / JOURNAL)
    records = journal.read()
    place, row = next((at, one) for at, one in enumerate(records) if isinstance(one, OutcomeRecord))
    records[place] = replace(row, scores={name: 1 - value for name, value in row.scores.items()})
    journal.path.unlink()
    journal.append(records)
    said = CliRunner().invoke(cli, ["verify", str(fetched), "--json"])
    assert said.exit_code == FAILED
    paths = [found["path"] for found in json.loads(said.output)["differences"]]
    assert f"outcomes[{row.strategy}, {row.example}].scores.accuracy" in paths


@pytest.mark.parametrize("pages", [1, 100])
def test_a_running_comparison_gives_what_there_is_in_whole_lines(
    client, monkeypatch, pages
) -> None:
    monkeypatch.setattr("service.stored_records.PAGE", pages)
    at, address = services_of(client), start(client, submit(client, strategies=STRATEGIES))
    key = key_of(address)
    told = client.get(f"{address}/records.jsonl")
    assert (told.status_code, told.content) == (200, b"")
    do_one(at, key)  # begins
    do_one(at, key)  # the first strategy
    assert client.get(address).json()["state"] == "running"
    unit(at, key, 2).append(answers("1", "2"))  # of the second one, which is at work
    told = client.get(f"{address}/records.jsonl")
    assert told.headers["content-type"] == "application/x-ndjson"
    assert told.headers["content-disposition"] == f'attachment; filename="{JOURNAL}"'
    assert told.content == b"".join(map(line_of, stored(at, key)))
    assert told.content.endswith(b"".join(map(line_of, answers("1", "2"))))
    assert client.get(f"{address}/report.json").status_code == 409


def do_one(at: Services, key: str) -> None:
    Worker(at, NAME, Computer()).run(queued(at, key)[0].id)


def test_what_an_older_version_left_in_a_file_is_given_too(client) -> None:
    at, address = services_of(client), start(client, submit(client))
    folder = at.settings.comparison_folder(key_of(address))
    folder.mkdir(parents=True, exist_ok=True)
    old = example_records()
    Journal(folder / JOURNAL).append(old)
    with (folder / JOURNAL).open("ab") as file:
        file.write(b'{"record":"outcome","str')  # cut short
    assert client.get(f"{address}/records.jsonl").content == b"".join(map(line_of, old))
    (folder / JOURNAL).write_text("no record\n")  # found before anything is sent
    reply = client.get(f"{address}/records.jsonl")
    assert reply.status_code == 409
    assert reply.headers["content-type"] == "application/problem+json"


def test_records_are_their_owners(tmp_path) -> None:
    ada, bo = key_for(tmp_path), key_for(tmp_path, "bo")
    root = key_for(tmp_path, "root", ["admin"])
    runs = key_for(tmp_path, scopes=["run"])
    with client_of(tmp_path) as client:
        client.headers.update(ada)
        address = f"{start(client, submit(client))}/records.jsonl"
        unit(services_of(client), key_of(address.rsplit("/", 1)[0]), 2).append(answers("1"))
        found = [client.get(address, headers=key) for key in (ada, root, bo, runs)]
        unknown = client.get(address.replace(key_of(address.rsplit("/", 1)[0]), "0" * 22))
    assert [reply.status_code for reply in found] == [200, 200, 404, 403]
    assert found[0].content == found[1].content == b"".join(map(line_of, answers("1")))
    assert found[2].json()["type"] == unknown.json()["type"] == "urn:tuneworth:problem:not-found"
    assert unknown.status_code == 404


def test_a_damaged_journal_of_an_older_version_is_said_in_the_schema(client) -> None:
    paths = client.get("/schema/openapi.json").json()["paths"]
    assert "409" in paths[f"{API}/comparisons/{{comparison_id}}/records.jsonl"]["get"]["responses"]


@pytest.fixture
def pages(client, monkeypatch):
    """The services, a comparison, and its three pages, of which the first was read."""
    monkeypatch.setattr("service.stored_records.PAGE", 1)
    at, address = services_of(client), start(client, submit(client))
    mine = unit(at, key_of(address), 2)
    for example in "123":
        mine.append(answers(example))
    pages = lines_of(at.store, at.settings, key_of(address))
    assert next(pages).encode() == b"".join(map(line_of, answers("1")))
    return at, address, pages


def test_what_is_stored_meanwhile_is_left_out(pages) -> None:
    """Else the end could be there without answers that were stored before it."""
    at, address, left = pages
    unit(at, key_of(address), 1).append(answers("0"))
    unit(at, key_of(address), LAST_POSITION).append([EndRecord(seconds=1.0)])
    rest = b"".join(map(line_of, [*answers("2"), *answers("3")]))
    assert "".join(left).encode() == rest


def test_a_comparison_that_is_removed_meanwhile_does_not_look_whole(client, pages) -> None:
    _, address, left = pages
    assert [client.delete(address).status_code for _ in range(2)] == [202, 204]
    with pytest.raises(NotFound):
        list(left)


def test_no_page_is_read_ahead_and_no_transaction_stays_open(pages) -> None:
    at, _, left = pages
    read = []
    with at.store.begin() as session:
        engine = session.get_bind()
    sa.event.listen(engine, "before_cursor_execute", lambda *told: read.append(told[2]))
    for example in "23":
        before = len(read)
        assert next(left).encode() == b"".join(map(line_of, answers(example)))
        assert [query for query in read[before:] if "records.lines" in query] == [read[before]]
        assert engine.pool.checkedout() == 0


@pytest.fixture
def server(computed):
    """The address of a real server on that data folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        env=environment(computed[0], TUNEWORTH_PORT="0"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[3]
    finally:
        process.terminate()
        process.wait(15)


def test_the_commands_of_the_page_work(computed, server, tmp_path) -> None:
    [commands] = re.findall(r"<!-- tested: records -->\n```sh\n(.*?)```", DOCS, re.DOTALL)
    here = f'tuneworth() {{ {shlex.join(TUNEWORTH)} "$@"; }}\n'
    places = {"API": f"{server}{API}", "RUN": key_of(computed[1]), "TUNEWORTH_KEY": "none"}
    said = subprocess.run(
        ["bash", "-euc", here + commands],
        cwd=tmp_path,
        env=environment(computed[0], **places),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    assert "follow from its records" in said.stdout
