"""What the audit says and how it ends: never silently well where nothing is known."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "audit.py"
GOOD = {"name": "good", "version": "1", "vulns": []}
FLAWED = {"name": "flawed", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
SKIPPED = {"name": "ours", "skip_reason": "not on the index"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([GOOD], 0, ""),
        ([GOOD, SKIPPED], 0, "not audited: ours: not on the index\n"),
        ([GOOD, FLAWED], 1, "flawed 1: PYSEC-1, mended in 1.1\n"),
    ],
)
def test_what_was_found_is_listed(capsys, packages, code, said) -> None:
    assert runpy.run_path(str(SCRIPT))["judged"](packages) == code
    assert capsys.readouterr().out == said


def test_where_nothing_could_be_looked_up_it_is_said_loudly(capsys) -> None:
    assert runpy.run_path(str(SCRIPT))["judged"]([SKIPPED, SKIPPED]) == 3
    assert "NOT AUDITED: the advisories know none of the packages." in capsys.readouterr().err


def test_without_a_network_it_is_said_loudly(tmp_path) -> None:
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **nowhere, "XDG_CACHE_HOME": str(tmp_path), "NO_PROXY": ""}
    ran = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**environment, "no_proxy": "", "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 3, ran.stderr
    assert "NOT AUDITED: the advisories cannot be reached." in ran.stderr
