"""Threads spin on a quiet machine and sleep on a shared one; the user's word stands."""

import os
import sys

import psutil
import pytest

from strategies.waiting import SETTINGS, settle_waiting


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    for name in SETTINGS:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)


def using(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval: share)


@pytest.mark.parametrize(("share", "expected"), [(2.0, None), (19.0, None), (50.0, "PASSIVE")])
def test_alone_it_depends_on_what_others_use(monkeypatch, share, expected) -> None:
    using(monkeypatch, share)
    settle_waiting(alone=True)
    assert os.environ.get("OMP_WAIT_POLICY") == expected


def test_beside_a_server_threads_sleep(monkeypatch) -> None:
    using(monkeypatch, 0.0)
    settle_waiting(alone=False)
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_user_set_stands(monkeypatch, name) -> None:
    using(monkeypatch, 100.0)
    monkeypatch.setenv(name, "ACTIVE")
    settle_waiting(alone=False)
    assert [os.environ.get(one) for one in SETTINGS].count(None) == len(SETTINGS) - 1


def test_once_torch_is_loaded_nothing_is_changed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    settle_waiting(alone=False)
    assert "OMP_WAIT_POLICY" not in os.environ
