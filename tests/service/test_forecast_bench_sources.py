"""What decides, foretells and measures is named whole, by the imports that lead to it."""

import ast
from pathlib import Path

import pytest

from service.forecast_bench.replay import SOURCES as FORETELLING
from service.forecast_bench.state import EVIDENCE, SOURCES
from service.forecast_bench.truth import RULE

ROOT = Path(__file__).parent.parent.parent
WORDING = {
    "service/wording.py",
    "service/reasons.py",
    "service/concerns.py",
    "service/keeping.py",
    "service/tries.py",
    "service/switches.py",
    "service/turning.py",
    "benchmarks/errors.py",
}
"""They say in words what was decided, or what else might be: no answer comes of them."""
RUNNING = {
    f"benchmarks/{name}.py"
    for name in (
        *("code", "environment", "errors", "guard", "journal", "noise", "placing", "progress"),
        *("reuse", "sitting"),
    )
}
"""They run a comparison and keep it: no figure of a quote comes of them."""


def imported(name, rooms):
    """The modules of those rooms that a file imports, wherever in it, as paths from the root."""
    modules = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {each.name for each in node.names}
    paths = {f"{each.replace('.', '/')}.py" for each in modules if each.split(".")[0] in rooms}
    return {path for path in paths if (ROOT / path).is_file()}


def reached(first, rooms, besides=frozenset()):
    """All that the first file leads to; what stands `besides` leads nowhere."""
    found, left = set(), {first}
    while left:
        name = left.pop()
        found.add(name)
        left |= imported(name, rooms) - found - besides
    return found


def covered(patterns):
    return {path.relative_to(ROOT).as_posix() for each in patterns for path in ROOT.glob(each)}


def test_whatever_the_answer_comes_of_is_part_of_the_rule():
    path = reached("service/recommendation.py", ("benchmarks", "service"), WORDING)
    assert {"service/stopped.py", "benchmarks/metrics.py", "benchmarks/contest.py"} <= path
    assert path - covered(RULE) == set()


def test_whatever_a_quote_comes_of_is_part_of_what_foretells():
    path = reached("benchmarks/request_quote.py", ("benchmarks",), RUNNING)
    assert "benchmarks/quote.py" in path
    assert path - covered((*FORETELLING, *RULE)) == set()


def test_whatever_checks_and_guesses_come_of_is_part_of_the_evidence():
    named = covered(SOURCES[EVIDENCE])
    checks = reached("benchmarks/evidence/features.py", ("corpora",))
    assert checks - named == set()
    assert {"benchmarks/quote.py", "benchmarks/workload.py"} <= named


@pytest.mark.parametrize("patterns", [RULE, FORETELLING, *SOURCES.values()])
def test_every_name_is_that_of_a_file(patterns):
    assert [each for each in patterns if not any(ROOT.glob(each))] == []
