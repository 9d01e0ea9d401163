"""The names of workers, what they take, and whose temporary files go."""

import shutil
import socket
import threading
import time

import pytest

from benchmarks.environment import VISIBLE, cuda_devices
from service.place import scratch_of, take_place, taken
from service.settings import Settings
from service.worker import queue_of, take_scratch


def test_each_process_of_a_machine_has_a_name_and_the_next_one_takes_it_over(tmp_path) -> None:
    settings = Settings(tmp_path)
    first, second = take_place(settings), take_place(settings)
    assert [first.slot, second.slot] == [0, 1]
    mark = (tmp_path / "workers" / "mark").read_text()
    assert first.name == f"{socket.gethostname()}-{mark}-0"
    assert taken(settings, first.name) is None
    first.lock.release()
    again = take_place(settings)
    assert again.name == first.name
    for place in (again, second):
        place.lock.release()


def test_workers_of_two_data_folders_have_names_of_their_own(tmp_path) -> None:
    """Or each would take over what the other computes, where they share a database."""
    first, second = take_place(Settings(tmp_path / "a")), take_place(Settings(tmp_path / "b"))
    assert first.slot == second.slot == 0
    assert first.name != second.name
    for place in (first, second):
        place.lock.release()


def test_a_mark_whose_writing_broke_off_is_made_anew(tmp_path) -> None:
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "mark").touch()
    place = take_place(Settings(tmp_path))
    assert len((tmp_path / "workers" / "mark").read_text()) == 8
    place.lock.release()


def test_a_name_that_is_only_cleared_up_after_is_not_skipped(tmp_path, monkeypatch) -> None:
    """Else a worker of a GPU's slot may find itself behind all GPUs."""
    settings = Settings(tmp_path)
    mine = take_place(settings)
    scratch_of(settings, mine.name[:-1] + "1").mkdir(parents=True)
    slots = []

    def start() -> None:
        place = take_place(settings)
        slots.append(place.slot)
        place.lock.release()

    sibling = threading.Thread(target=start)

    def slowly(folder, **how) -> None:
        sibling.start()
        time.sleep(0.3)
        remove(folder, **how)

    remove = shutil.rmtree
    monkeypatch.setattr("service.worker.shutil.rmtree", slowly)
    take_scratch(settings, mine)
    sibling.join(10)
    assert slots == [1]
    mine.lock.release()


def test_what_another_one_clears_up_meanwhile_is_no_error(tmp_path, monkeypatch) -> None:
    settings = Settings(tmp_path)
    mine = take_place(settings)
    gone, file = scratch_of(settings, "elsewhere-7"), scratch_of(settings, "tmpfile")
    gone.mkdir(parents=True)
    file.touch()

    def vanished(settings, name):
        gone.rmdir() if name == gone.name else file.unlink()
        return taken(settings, name)

    monkeypatch.setattr("service.worker.taken", vanished)
    take_scratch(settings, mine)
    assert list((tmp_path / "scratch").iterdir()) == [scratch_of(settings, mine.name)]
    mine.lock.release()


def test_what_killed_workers_left_goes_and_what_a_living_one_has_stays(tmp_path) -> None:
    settings = Settings(tmp_path)
    mine, living = take_place(settings), take_place(settings)
    names = {"mine": mine.name, "living": living.name, "dead": "elsewhere-7", "old": "tmp123"}
    for name in names.values():
        scratch_of(settings, name).mkdir(parents=True)
        (scratch_of(settings, name) / "left").write_text("by a unit")
    (tmp_path / "scratch" / "tmpfile").write_text("of an older version")
    take_scratch(settings, mine)
    left = {path.name for path in (tmp_path / "scratch").iterdir()}
    assert left == {mine.name, living.name}
    assert list(scratch_of(settings, mine.name).iterdir()) == []
    assert (scratch_of(settings, living.name) / "left").exists()
    for place in (mine, living):
        place.lock.release()


@pytest.mark.parametrize(
    ("told", "gpus", "visible", "slot", "queue", "sees"),
    [
        ("auto", 0, None, 0, "cpu", None),
        ("gpu", 0, None, 0, "gpu", None),
        ("auto", 2, None, 1, "gpu", "1"),
        ("auto", 2, None, 2, "cpu", ""),
        ("gpu", 2, None, 2, "gpu", "0"),
        ("cpu", 2, None, 0, "cpu", ""),
        ("auto", 4, "5,7", 1, "gpu", "7"),
        ("auto", 4, "5,7", 2, "cpu", ""),
    ],
)
def test_as_many_take_from_the_gpus_as_there_are(
    tmp_path, monkeypatch, told, gpus, visible, slot, queue, sees
) -> None:
    monkeypatch.setattr("service.worker.cuda_devices", lambda: ["NVIDIA"] * gpus)
    environ = {} if visible is None else {VISIBLE: visible}
    assert queue_of(Settings(tmp_path, queue=told), slot, environ) == queue
    assert environ.get(VISIBLE) == sees


@pytest.mark.parametrize(
    ("visible", "found"), [(None, ["NVIDIA H100"]), ("0", ["NVIDIA H100"]), ("", []), ("-1", [])]
)
def test_a_process_that_is_to_see_no_gpu_finds_none(tmp_path, monkeypatch, visible, found) -> None:
    card = tmp_path / "0000:01:00.0" / "information"
    card.parent.mkdir()
    card.write_text("Model: \t NVIDIA H100\nIRQ: 7\n")
    monkeypatch.setattr("benchmarks.environment.DRIVER", tmp_path)
    monkeypatch.delenv(VISIBLE, raising=False)
    if visible is not None:
        monkeypatch.setenv(VISIBLE, visible)
    assert cuda_devices() == found
