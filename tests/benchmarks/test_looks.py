"""Looking after every draw, simulated: what is counted, stored and held against a target."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.simulation.cells import PAIRED
from benchmarks.simulation.looks import (
    LOOKED,
    Look,
    code_tested,
    ever_wrong,
    looks,
    looks_checks,
    looks_table,
    measure_looks,
    wrong_looks,
)
from benchmarks.simulation.worlds import right
from benchmarks.speed.sheet import STATISTICS_SCHEMA, Measurement, Sheet

EQUAL = Look((right(0.7), right(0.7)), PAIRED, 100)


def test_every_cell_has_a_name_of_its_own():
    names = [look.name for look in looks()]
    assert len(set(names)) == len(names)
    assert "looks: right 0.9 against right 0.9, in groups, 30 rows" in names
    assert "looks: right 0.9 against right 0.6, from a split, 300 rows" in names


@pytest.mark.parametrize("look", [look for look in looks() if look.rows == 30])
def test_the_interval_is_ever_wrong_in_few_of_some_data_sets(look):
    assert wrong_looks(look, 250) <= 0.05 * 250 + 4 * np.sqrt(250 * 0.05 * 0.95)


def test_a_wrong_truth_is_seen():
    off = replace(EQUAL, shapes=(replace(right(0.7), mean=1.0), right(0.7)))
    assert wrong_looks(off, 250) > 100
    assert wrong_looks(EQUAL, 250) == wrong_looks(EQUAL, 250) < 25


def test_wrong_once_is_wrong_for_good():
    """Ahead by ten rows in ten, and level in the end."""
    sums = np.concatenate([np.ones(10), -np.ones(10), np.zeros(30)])[:, None]
    assert ever_wrong(sums, 1, 0.0).tolist() == [True]
    in_turn = np.tile([1.0, -1.0], 25)[:, None]
    assert ever_wrong(in_turn, 1, 0.0).tolist() == [False]
    pair, truths = np.hstack([in_turn, in_turn]), np.array([0.0, 0.6])
    assert ever_wrong(pair, 1, truths).tolist() == [False, True]


def made(look, wrong, simulations=10_000):
    facts = {"code": code_tested(), "simulations": simulations, "wrong": wrong}
    return Measurement(look.name, LOOKED, simulations, 1.0, facts)


def test_the_target_is_5_percent_and_wider_for_few_simulations():
    found = [made(look, 300) for look in looks()]
    (check, _) = looks_checks(found)
    assert (check.name, check.value, check.target) == ("anytime_type_one_max", 0.03, 0.05)
    assert check.met is True
    found[3] = made(looks()[3], 501)
    assert looks_checks(found)[0].met is False
    few = [made(look, 20, 400) for look in looks()]
    assert looks_checks(few)[0].target == pytest.approx(0.05 + 4 * 0.0109, abs=1e-3)


def test_the_table_has_a_line_for_each_kind():
    lines = looks_table([made(look, 310) for look in looks() if look.rows < 300]).splitlines()
    assert len(lines) == 2 + len(looks()) / 3
    assert "| right 0.5 against right 0.5 | 3.1 | 3.1 |  |" in lines


def test_what_is_stored_is_not_simulated_again(tmp_path):
    said = []

    def measured():
        sheet = Sheet(tmp_path / "looks.jsonl", {"versions": {}}, schema=STATISTICS_SCHEMA)
        return measure_looks(10, sheet=sheet, say=said.append)

    first = measured()
    assert len(said) == len(first) == len(looks())
    assert measured() == first
    assert len(said) == len(looks())
