"""The command answers at once: what is heavy loads only where it is used."""

import subprocess
import sys
import time

HEAVY = ("torch", "transformers", "litestar", "pydantic", "sklearn", "scipy", "faiss", "openai")
CEILING_SECONDS = 0.8
"""Twice what is aimed at, for a machine that is busy with other things."""

PROBE = """
import sys
from service.cli import cli
cli.main(["--help"], prog_name="tuneworth", standalone_mode=False)
print("LOADED", *sorted(name for name in sys.modules if "." not in name))
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def loaded(said):
    return set(said.stdout.splitlines()[-1].split()[1:])


def test_help_loads_nothing_heavy():
    said = run(PROBE)
    assert said.returncode == 0, said.stderr
    assert "Usage: tuneworth" in said.stdout
    assert loaded(said).isdisjoint(HEAVY)


def test_help_is_quick():
    code = "from service.cli import cli; cli.main(['--help'])"
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        assert run(code).returncode == 0
        taken.append(time.perf_counter() - began)
    assert min(taken) < CEILING_SECONDS


def test_checking_a_task_loads_no_torch():
    said = run(PROBE.replace('"--help"', '"check", "support-triage"'))
    assert said.returncode == 0, said.stderr
    assert "torch" not in loaded(said)


def test_a_dry_run_loads_no_torch():
    spec = '"compare", "support-triage", "--dry-run", "--strategies", "baseline.linear"'
    said = run(PROBE.replace('"--help"', spec))
    assert said.returncode == 0, said.stderr
    assert "torch" not in loaded(said)


def test_the_application_loads_no_torch():
    said = run("import sys, service.app\nprint('LOADED', *sys.modules)")
    assert said.returncode == 0, said.stderr
    assert "torch" not in loaded(said)
