"""What the README says is so: the tree, the example strategy, the table of strategies."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = ("corpora", "strategies", "benchmarks", "service")


def block(language: str, *, containing: str) -> str:
    """The fenced block of that language in which a text stands."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    return next(text for text in blocks if containing in text)


def test_the_tree_names_every_module_with_a_line() -> None:
    tree = block("text", containing="corpora/")
    folder, listed = "", set()
    for line in tree.splitlines():
        name, _, says = line.strip().partition(" ")
        assert says.strip(), f"{name} has no line"
        if line.startswith("  "):
            listed.add(f"{folder}{name}")
        else:
            folder = name
    modules = {
        str(path.relative_to(ROOT))
        for place in FOLDERS
        for path in (ROOT / place).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert {name for name in listed if name.endswith(".py")} == modules


def test_the_example_strategy_passes_the_contract(tmp_path: Path) -> None:
    code = block("python", containing="keyword_rule.py")
    assert len(code.splitlines()) < 40
    (tmp_path / "keyword_rule.py").write_text(code, encoding="utf-8")
    entry = block("toml", containing="KeywordRule").splitlines()[1].replace('"', "")
    info = tmp_path / "keyword_rule-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: keyword-rule\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[tuneworth.strategies]\n{entry}\n")
    suite = ROOT / "tests" / "strategies" / "test_contract.py"
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "baseline.keyword", str(suite)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert int(re.findall(r"(\d+) passed", ran.stdout)[0]) >= 20


def test_the_figures_follow_from_the_committed_records() -> None:
    from service.figures import written_anew

    for path, text in written_anew().items():
        assert path.read_text(encoding="utf-8") == text


def test_the_time_of_the_demo_is_that_of_its_records() -> None:
    from benchmarks.journal import Journal
    from benchmarks.records import EndRecord

    records = Journal(ROOT / "benchmarks" / "results" / "support-triage.jsonl").read()
    seconds = [record.seconds for record in records if isinstance(record, EndRecord)][-1]
    assert f"took {round(seconds / 60)} minutes" in README


def test_the_records_hold_no_text_of_the_data() -> None:
    from benchmarks.journal import Journal
    from benchmarks.records import OutcomeRecord

    paths = sorted((ROOT / "benchmarks" / "results").glob("*.jsonl"))
    assert paths
    for path in paths:
        outcomes = [r for r in Journal(path).read() if isinstance(r, OutcomeRecord)]
        assert outcomes
        assert all((r.text, r.input, r.reference) == (None, None, None) for r in outcomes)


def test_the_table_names_every_strategy() -> None:
    from strategies.registry import strategy_names

    section = README.partition("\n## Strategies")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)
    assert sorted(listed) == sorted(strategy_names())
