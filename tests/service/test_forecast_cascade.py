"""A cascade is foretold from what is expected of its parts, and that is told."""

import pytest
from foretold import Scripted, planned

from benchmarks.belief.predictor import Predictor
from service.forecasting.pages import as_html
from service.forecasting.running import forecast
from service.forecasting.view import seen

NAMES = ("baseline.majority", "baseline.linear", "prompt.nearest", "cascade")


def foretold(model, truth, names=NAMES):
    plan = planned(model, budget_seconds=1e4, strategies=names)
    found = forecast(
        plan, source=Scripted(truth), predictor=Predictor(), confidence=0.9999, clock=lambda: 0.0
    )
    return found, {row.id: row for row in found.strategies}


@pytest.mark.parametrize(
    ("linear", "nearest", "cascade"), [(0.9, 0.4, 0.9), (0.4, 0.9, 0.9), (0.6, 0.6, 0.6)]
)
def test_it_is_foretold_as_the_better_of_its_parts(tmp_path, linear, nearest, cascade):
    truth = {"baseline.linear": linear, "prompt.nearest": nearest}
    found, rows = foretold(tmp_path, truth)
    row = rows["cascade"]
    assert (row.rows, row.parts) == (0, ("baseline.linear", "prompt.nearest"))
    assert min(rows[part].rows for part in row.parts) > 0
    assert abs(row.quality.value - cascade) < 0.1
    assert seen(row) == "baseline.linear and prompt.nearest: about the better of them"
    assert seen(row) in as_html(found)
    assert rows["baseline.linear"].parts is None
    assert "parts_rows" not in row.model_dump()


def test_without_a_part_among_the_strategies_it_is_known_by_its_like_alone(tmp_path):
    truth = {"baseline.linear": 0.9, "prompt.nearest": 0.4}
    _, rows = foretold(tmp_path, truth, NAMES[:2] + NAMES[3:])
    _, known = foretold(tmp_path, truth)
    assert rows["cascade"].parts is None
    assert seen(rows["cascade"]) == "not looked at itself"
    alone, between = (each["cascade"].quality for each in (rows, known))
    assert between.high - between.low < alone.high - alone.low
