"""Where CI runs, a skipped test or file is a failure; elsewhere it is a skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = {
    "test_one.py": """
import pytest

@pytest.mark.skip(reason="no time")
def test_marked(): ...

def test_inside():
    pytest.skip("no machine")

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False

def test_run(): ...
""",
    "test_whole.py": "import pytest; pytest.importorskip('no_such_package_here')",
}


def outcomes(folder: Path, **variables: str) -> tuple[int, str]:
    """The exit code of pytest in `folder`, and its summary line."""
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    for name, text in TESTS.items():
        (folder / name).write_text(text)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", "-q"]
    command.append("--continue-on-collection-errors")
    done = subprocess.run(
        command, cwd=folder, env=environment | variables, capture_output=True, text=True
    )
    return done.returncode, done.stdout.strip().splitlines()[-1].rpartition(" in ")[0]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, (0, "1 passed, 3 skipped, 1 xfailed")),
        ({"CI": "true"}, (1, "1 failed, 1 passed, 1 xfailed, 2 errors")),
    ],
)
def test_a_skip_counts_as_a_failure_in_ci_alone(tmp_path: Path, variables, expected) -> None:
    assert outcomes(tmp_path, **variables) == expected


def test_what_ci_runs_says_that_it_is_ci() -> None:
    script = (CONFTEST.parent.parent / ".ci" / "run").read_text()
    assert script.index("export CI=true") < script.index("make test")
