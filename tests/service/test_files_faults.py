"""Whose fault it is that a file is not stored or fetched: the store's, this machine's or ours."""

import errno
import os
import secrets

import pytest
from stores import FileServer

from service.errors import StoreAway
from service.files import Files

KEY = "comparisons/0123/report.json"


@pytest.mark.parametrize("error", [TypeError("x"), AttributeError("x"), ValueError("x")])
def test_a_mistake_in_the_code_is_not_waited_for(error, monkeypatch) -> None:
    files = Files("server://" + secrets.token_hex(8))
    monkeypatch.setattr(FileServer, "trouble", error)
    for use in (files.exists, files.names, lambda key: files.put(key, b"some")):
        with pytest.raises(type(error), match="x"):
            use(KEY)


def test_a_full_disk_of_this_machine_is_not_the_stores(tmp_path) -> None:
    files = Files(tmp_path / "store")
    files.put(KEY, b"some")

    class Full(type(tmp_path)):
        def open(self, *args, **kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    with pytest.raises(OSError, match="No space left") as caught:
        files.fetch(KEY, Full(tmp_path / "fetched"))
    assert not isinstance(caught.value, StoreAway)
