"""Every attack of the registry: refused, and let through once its guard is replaced."""

import re
from pathlib import Path

import pytest

from benchmarks.speed.sheet import Measurement
from service.reliability.attacks import part
from service.reliability.attacks.attack import Attack, nothing
from service.reliability.attacks.registry import ATTACKS
from service.reliability.attacks.trying import try_attack


@pytest.mark.parametrize("name", ATTACKS)
def test_refused(name) -> None:
    outcome = try_attack(name, guarded=True)
    assert not outcome.through, outcome.how


@pytest.mark.parametrize("name", ATTACKS)
def test_gets_through_without_its_guard(name) -> None:
    outcome = try_attack(name, guarded=False)
    assert outcome.through, outcome.how


def test_the_table_of_promises_names_every_attack_once() -> None:
    text = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    named = [name for row in rows for name in re.findall("`([a-z0-9-]+)`", row[2])]
    assert sorted(named) == sorted(ATTACKS)


def test_a_guard_that_is_not_there_is_an_error() -> None:
    gone = Attack("gone", lambda folder: "", {"corpora.spec:_refuse_everything": nothing})
    with pytest.raises(AttributeError, match="gone: there is no guard corpora"):
        gone.open_guard()


def test_the_figures_count_what_is_refused_and_what_is_shown() -> None:
    names = list(ATTACKS)
    rows = [
        Measurement(
            "attacks",
            name,
            0,
            1.0,
            {"refused": name != names[0], "gets_through_without": name not in names[:2]},
        )
        for name in names
    ]
    figures = {one.name: (one.value, one.met) for one in part.checks(rows, quick=False)}
    assert figures == {
        "attacks_tried": (len(names), None),
        "attacks_refused": (len(names) - 1, False),
        "guards_shown": (len(names) - 2, False),
    }
    assert [one.met for one in part.checks(rows[2:], quick=False)] == [None, False, False]
