"""What a first what-if needs is loaded while the server already answers."""

import logging
import subprocess
import sys
import threading
from importlib.machinery import ModuleSpec

from serving import client_of, environment

from service import warming

HEAVY = [
    *("torch", "transformers", "sentence_transformers", "sklearn", "faiss", "openai"),
    *("scipy.stats", "statsmodels", "pandas", "matplotlib", "altair"),
]
STARTED = """
import sys
from pathlib import Path
from serving import client_of
with client_of(Path(DATA)) as client:
    assert client.get("/health").status_code == 200
print("service.what_if" in sys.modules, [name for name in HEAVY if name in sys.modules])
"""


class Slow:
    """Finds the module `slow_to_load`, which loads once the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.loaded_in = ""

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "slow_to_load" else None

    def create_module(self, spec):
        return None

    def exec_module(self, module) -> None:
        assert self.gate.wait(30)
        self.loaded_in = threading.current_thread().name


def test_the_server_answers_meanwhile_and_its_end_waits(tmp_path, monkeypatch) -> None:
    slow = Slow()
    monkeypatch.setattr(sys, "meta_path", [slow, *sys.meta_path])
    monkeypatch.setattr(warming, "NEEDED", "slow_to_load")
    with client_of(tmp_path) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503  # no worker
        assert not slow.loaded_in
        threading.Timer(0.3, slow.gate.set).start()
    assert slow.loaded_in == "tuneworth-warming"
    del sys.modules["slow_to_load"]


def test_what_cannot_be_loaded_is_logged_and_the_server_serves(
    tmp_path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(warming, "NEEDED", "service.no_such_module")
    with caplog.at_level(logging.ERROR), client_of(tmp_path) as client:
        assert client.get("/health").status_code == 200
    told = [line for line in caplog.records if line.name == "tuneworth.warming"]
    assert [line.getMessage() for line in told] == ["what a what-if needs cannot be loaded"]
    assert "service.no_such_module" in caplog.text


def test_a_started_server_has_loaded_it_and_nothing_heavy(tmp_path) -> None:
    code = STARTED.replace("DATA", repr(str(tmp_path))).replace("HEAVY", repr(HEAVY))
    tests = str(__file__).rpartition("/")[0]
    known = environment(tmp_path)
    known["PYTHONPATH"] = f"{known['PYTHONPATH']}:{tests}"
    shown = subprocess.run([sys.executable, "-c", code], env=known, capture_output=True, text=True)
    assert (shown.stdout, shown.returncode) == ("True []\n", 0), shown.stderr
