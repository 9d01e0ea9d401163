"""What is a strategy's own fault, and what a disk's: by errors of the system, never by words."""

import errno
import os

import pytest
from safetensors import SafetensorError

from benchmarks.errors import StorageFull
from benchmarks.guard import Broken, guarded

FULL = os.strerror(errno.ENOSPC)


def raised(error, folder, cause=None):
    def action():
        raise error from cause

    return guarded(action, folder)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL, "/data/adapter.bin"),
        SafetensorError(f'Error while serializing: I/O error: {FULL} (os error 28) at path "/a"'),
        Exception(f"{FULL} (os error 28)"),  # as tokenizers raises it
    ],
)
def test_a_full_disk_is_no_fault_of_the_strategy(error, tmp_path) -> None:
    with pytest.raises(StorageFull) as caught:
        raised(error, tmp_path)
    assert caught.value.reason == FULL


def test_a_full_disk_is_found_behind_the_error_of_a_library(tmp_path) -> None:
    full = OSError(errno.ENOSPC, FULL)
    with pytest.raises(StorageFull, match=FULL):
        raised(RuntimeError("cannot save"), tmp_path, cause=full)

    def meanwhile():
        try:
            raise full
        except OSError:
            raise RuntimeError("cannot save")  # noqa: B904 - as libraries do it

    with pytest.raises(StorageFull, match=FULL):
        guarded(meanwhile, tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"a label is {FULL}"),
        RuntimeError(f"the provider says: {FULL} (os error 28)"),
        Exception(f"the provider says: {FULL} (os error 28)"),
        OSError(f"400 from the provider: {FULL} (os error 28)"),  # as those of requests
        OSError(errno.ENOENT, "No such file or directory"),
        SafetensorError("I/O error: No such file or directory (os error 2)"),
        SafetensorError(f"the header holds {FULL}"),
    ],
)
def test_words_alone_are_no_full_disk(error, tmp_path) -> None:
    with pytest.raises(Broken):
        raised(error, tmp_path)
