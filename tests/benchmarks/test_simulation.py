"""The simulations: worlds of known truth, tallies, targets, and going on after a stop."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.simulation.cells import ROWS, Cell, cells
from benchmarks.simulation.figures import coverage_table, statistics_checks
from benchmarks.simulation.measure import (
    code_tested,
    measure_cells,
    read_measurements,
    times,
)
from benchmarks.simulation.trials import simulate
from benchmarks.simulation.worlds import (
    BETTER,
    HALF_RIGHT,
    LOW,
    NEARLY_RIGHT,
    NORMAL,
    SKEWED,
    Alike,
    drawn,
    groups_of,
    right,
    sizes_of,
)
from benchmarks.speed.sheet import STATISTICS_SCHEMA, Measurement, Sheet

EVERY = cells(quick=False)


def quiet(line):
    pass


@pytest.mark.parametrize(
    "shape", [right(0.9), HALF_RIGHT, BETTER, NEARLY_RIGHT, LOW, NORMAL, SKEWED]
)
def test_the_truth_of_a_world_is_the_mean_of_its_scores(shape):
    scores = drawn(np.random.default_rng(1), (shape,), Alike(), rows=200, sets=500)
    error = scores.std() / np.sqrt(scores.size)
    assert scores.mean() == pytest.approx(shape.mean, abs=4 * error)
    assert HALF_RIGHT.mean == pytest.approx(0.5)
    assert NEARLY_RIGHT.mean == pytest.approx(0.95)
    assert LOW.mean == pytest.approx(1 / 13, abs=1e-4)


def test_rows_of_a_group_and_answers_to_a_row_are_alike():
    alike = Alike(group=0.3, group_own=0.2, row=0.3)
    scores = drawn(np.random.default_rng(2), (NORMAL, NORMAL), alike, rows=50, sets=400)
    groups = groups_of(alike, 50)
    assert groups[4] == groups[0] != groups[5]

    def together(one, other):
        return np.corrcoef(one.ravel(), other.ravel())[0, 1]

    within = together(scores[0::5, :, 0], scores[1::5, :, 0])
    assert within == pytest.approx(0.5, abs=0.05)
    assert together(scores[..., 0], scores[..., 1]) == pytest.approx(0.6, abs=0.05)
    assert together(scores[4:45:5, :, 0], scores[5:46:5, :, 0]) == pytest.approx(0, abs=0.05)


def test_uneven_groups_have_the_sizes_stated_and_fill_the_rows():
    alike = Alike(group=0.5, uneven=True)
    assert sizes_of(alike, 50) == [1, 1, 2, 3, 5, 8] * 2 + [1, 1, 2, 3, 3]
    groups = groups_of(alike, 50)
    assert len(groups) == 50
    assert [groups.count(name) for name in dict.fromkeys(groups)] == sizes_of(alike, 50)
    scores = drawn(np.random.default_rng(3), (NORMAL,), alike, rows=50, sets=4_000)[..., 0]
    alike_of = np.corrcoef(scores[12], scores[19])[0, 1]  # the first and last of eight
    assert groups[12] == groups[19] != groups[20]
    assert alike_of == pytest.approx(0.5, abs=0.05)
    assert np.corrcoef(scores[19], scores[20])[0, 1] == pytest.approx(0, abs=0.06)


def test_every_cell_has_a_name_of_its_own_and_quick_ones_are_among_them():
    names = [cell.name for cell in EVERY]
    assert len(set(names)) == len(names)
    assert {cell.name for cell in cells(quick=True)} < set(names)
    assert {cell.rows for cell in EVERY} == set(ROWS)
    assert "family: right 0.5 to 0.95, 50 rows" in names
    assert "score: right 0.02, in groups, 500 rows" in names


def test_the_same_cell_gives_the_same_tally_and_equals_are_counted():
    one, other = Alike(row=0.5), (right(0.9), right(0.8))
    cell = Cell("difference", other, one, 50)
    assert simulate(cell, 40) == simulate(cell, 40)
    assert simulate(cell, 40).different is None
    equal = replace(cell, shapes=(right(0.9), right(0.9)))
    assert equal.equal
    found = simulate(equal, 40)
    assert found.different == 40 - found.covered
    assert simulate(equal, 300).covered >= found.covered


def test_an_interval_that_is_too_narrow_is_seen():
    """Scores of a skewed world held against the truth of another one, off by two errors."""
    honest = Cell("score", (right(0.5),), Alike(), 100)
    off = replace(right(0.5), mean=0.6)
    assert simulate(honest, 250).covered >= 225
    assert simulate(replace(honest, shapes=(off,)), 250).covered <= 175


@pytest.fixture
def sheet(tmp_path):
    return Sheet(tmp_path / "s.jsonl", {"versions": {}}, schema=STATISTICS_SCHEMA)


def test_what_is_stored_is_not_simulated_again(sheet):
    asked = [cell for cell in EVERY if cell.rows == 50 and cell.kind == "score"][:3]
    first = measure_cells(asked[:2], 10, sheet=sheet, jobs=1, say=quiet)
    again = Sheet(sheet.path, {"versions": {}}, schema=STATISTICS_SCHEMA)
    said = []
    found = measure_cells(asked, 10, sheet=again, jobs=1, say=said.append)
    assert found[:2] == first
    assert len(said) == 1
    assert said[0].startswith(asked[2].name)
    assert read_measurements(sheet.path) == found
    by_other_code = sheet.path.read_text().replace(code_tested(), "0" * 16)
    sheet.path.write_text(by_other_code)
    other = Sheet(sheet.path, {"versions": {}}, schema=STATISTICS_SCHEMA)
    measure_cells(asked, 10, sheet=other, jobs=1, say=said.append)
    assert len(said) == 4


def test_processes_find_the_same(sheet):
    asked = [cell for cell in EVERY if cell.rows == 50 and cell.kind == "score"][:2]
    found = measure_cells(asked, 10, sheet=sheet, jobs=2, say=quiet)
    assert [one.facts["covered"] for one in found] == [simulate(c, 10).covered for c in asked]


def tallied(cell, simulations, share, wrong=0.05):
    draws = times(cell, simulations)
    count = round(draws * wrong) if cell.equal else None
    facts = {
        "code": code_tested(),
        "simulations": draws,
        "covered": round(draws * share),
        "different": count,
        "rejected": None if cell.kind == "family" else count,
    }
    return Measurement(cell.name, "simulated", draws, 1.0, facts)


def checks_of(found):
    return {check.name: check for check in statistics_checks(found)}


def test_targets_of_a_full_run():
    checks = checks_of([tallied(cell, 10_000, 0.95) for cell in EVERY])
    assert list(checks)[:3] == ["coverage_mean", "coverage_worst_cell", "type_one_max"]
    assert [checks[name].value for name in list(checks)[:3]] == pytest.approx([0.95, 0.95, 0.05])
    assert all(check.met is not False for check in checks.values())
    assert checks["coverage_worst_cell"].target == 0.91
    assert checks["type_one_max"].target == 0.055


@pytest.mark.parametrize(
    ("share", "wrong", "missed"),
    [
        (0.961, 0.05, ["coverage_mean"]),
        (0.939, 0.05, ["coverage_mean"]),
        (0.9, 0.05, ["coverage_mean", "coverage_worst_cell"]),
        (0.95, 0.056, ["type_one_max"]),
    ],
)
def test_what_misses_a_target_is_told(share, wrong, missed):
    checks = checks_of([tallied(cell, 10_000, share, wrong) for cell in EVERY])
    assert [name for name, check in checks.items() if check.met is False] == missed


def test_fewer_simulations_have_wider_targets():
    """Four binomial errors of 0.91 in 200: 0.081; of 0.055: 0.0645."""
    checks = checks_of([tallied(cell, 200, 0.95) for cell in cells(quick=True)])
    assert checks["coverage_worst_cell"].target == pytest.approx(0.829, abs=5e-4)
    assert checks["type_one_max"].target == pytest.approx(0.1195, abs=5e-4)


def test_the_table_holds_a_line_for_each_shape():
    found = [tallied(cell, 10_000, 0.95, 0.049) for cell in EVERY if cell.rows != 500]
    lines = coverage_table(found).splitlines()
    assert len(lines) == 2 + len(EVERY) / len(ROWS)
    assert "| a score | right 0.5 | 95.0 | 95.0 | 95.0 |  |  |" in lines
    assert (
        "| a paired difference | mixed against mixed, in groups | 95.0 | 95.0 | 95.0 |  |"
        " 4.9, 4.9, 4.9,  |"
    ) in lines
