"""A worker that starts while its data folder is full or may not be written."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from in_process import services_of
from serving import SCRIPT, client_of, environment, wait_until

from service.alive import workers
from service.reliability.causing import CannotCause, full, read_only, small_disk
from service.settings import Settings
from service.worker import once_writable

REASONS = {full: "No space left on device", read_only: "Read-only file system"}


@pytest.fixture
def disk(request, tmp_path):
    """Settings with a database of the kind asked for, whose data lie on a disk of their own."""
    settings = Settings(tmp_path / "data")
    if request.param == "postgres":
        settings = request.getfixturevalue("postgres")
    try:
        with small_disk(settings.data):
            (settings.data / "held").write_bytes(b"x" * 100_000)
            yield settings
    except CannotCause as why:
        pytest.skip(str(why))


def started(settings: Settings, log: Path, *command: str) -> subprocess.Popen[bytes]:
    """A process whose log goes to a file."""
    with log.open("wb") as file:
        told = [sys.executable, *command]
        return subprocess.Popen(told, env=environment(settings), stderr=file)


@pytest.mark.parametrize(
    ("disk", "hinder"),
    [("postgres", full), ("postgres", read_only), ("sqlite", read_only)],
    indirect=["disk"],
)
def test_a_worker_says_once_why_it_waits_and_starts_by_itself(disk, hinder, tmp_path) -> None:
    log = tmp_path / "worker.log"
    with client_of(disk) as client:

        def heard_of() -> bool:
            with services_of(client).store.begin() as session:
                return bool(workers(session))

        with hinder(disk.data):
            process = started(disk, log, str(SCRIPT))
            try:
                wait_until(lambda: "waits to start" in log.read_text(), 30)
                time.sleep(2)  # it is tried again meanwhile
                assert process.poll() is None
                said = log.read_text()
                assert (said.count("waits to start"), said.count("Traceback")) == (1, 0)
                assert REASONS[hinder] in said
                found = client.get("/ready").json()["errors"]
                assert {fault["field"] for fault in found} == {"data", "worker"}
            except BaseException:
                process.kill()
                raise
        try:
            wait_until(heard_of, 30)
            assert log.read_text().count("again, and starts") == 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_what_does_not_pass_ends_a_start_at_once(tmp_path) -> None:
    def broken() -> None:
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory")

    with pytest.raises(NotADirectoryError):
        once_writable(broken, Settings(tmp_path))


@pytest.mark.parametrize("told", ["/elsewhere/tuneworth.lock", None])
def test_what_cannot_be_written_is_named(tmp_path, told, monkeypatch, caplog) -> None:
    monkeypatch.setattr("service.worker.FIRST_PAUSE", 0.01)
    tries = iter((True, False))

    def refused_once() -> int:
        if next(tries):
            raise PermissionError(errno.EACCES, "Permission denied", told)
        return 7

    assert once_writable(refused_once, Settings(tmp_path)) == 7
    place = told or str(tmp_path)
    assert caplog.messages == [
        f"The worker waits to start until it can write to {place}: Permission denied.",
        f"The worker can write to {place} again, and starts.",
    ]


def test_a_worker_that_waits_to_start_ends_with_who_keeps_it(tmp_path) -> None:
    def refused() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(SystemExit):
        once_writable(refused, Settings(tmp_path), parent=os.getppid() + 1)


def test_a_worker_that_cannot_start_says_why_in_one_line(tmp_path) -> None:
    file = tmp_path / "data"
    file.touch()
    log = tmp_path / "worker.log"
    assert started(Settings(file), log, "-m", "service.worker").wait(60) == 1
    [line] = log.read_text().splitlines()
    assert f"The worker cannot start: [Errno {errno.EEXIST}] File exists: '{file}'" in line
