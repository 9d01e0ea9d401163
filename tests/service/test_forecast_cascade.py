"""A cascade is foretold from what both its parts answered, and that is told."""

import pytest
from foretold import Scripted, planned

from benchmarks.belief.predictor import Predictor
from service.forecasting.pages import as_html
from service.forecasting.running import forecast
from service.forecasting.view import seen

NAMES = ("baseline.majority", "baseline.linear", "prompt.nearest", "cascade")


class Sure(Scripted):
    """Tells of the classifier's answers how sure they are."""

    def take(self, action):
        found = super().take(action)
        if action.strategy != "baseline.linear":
            return found
        sure = {row: 0.5 + place / 200 for place, row in enumerate(found.scores)}
        return found.model_copy(update={"readings": {"confidence": sure}})


def foretold(model, source):
    plan = planned(model, budget_seconds=1e4, strategies=NAMES)
    found = forecast(
        plan, source=source, predictor=Predictor(), confidence=0.9999, clock=lambda: 0.0
    )
    return found, {row.id: row for row in found.strategies}


@pytest.mark.parametrize(
    ("linear", "nearest", "cascade"), [(0.9, 0.4, 0.9), (0.4, 0.9, 0.9), (0.6, 0.6, 0.6)]
)
def test_it_is_foretold_from_what_its_parts_answered(tmp_path, linear, nearest, cascade):
    truth = {"baseline.linear": linear, "prompt.nearest": nearest}
    found, rows = foretold(tmp_path, Sure(truth))
    row = rows["cascade"]
    answered = min(rows["baseline.linear"].rows, rows["prompt.nearest"].rows)
    assert (row.rows, row.parts_rows) == (0, answered)
    assert answered > 0
    assert seen(row) == f"{answered} validation rows by both its parts"
    assert seen(row) in as_html(found)
    _, unknown = foretold(tmp_path, Scripted(truth))
    off, guessed = (abs(each["cascade"].quality.value - cascade) for each in (rows, unknown))
    assert off < min(guessed, 0.15)
    assert rows["baseline.linear"].parts_rows == 0


def test_without_confidences_it_is_known_by_its_like_alone(tmp_path):
    truth = {"baseline.linear": 0.9, "prompt.nearest": 0.4}
    _, rows = foretold(tmp_path, Scripted(truth))
    _, sure = foretold(tmp_path, Sure(truth))
    assert rows["cascade"].parts_rows == 0
    assert seen(rows["cascade"]) == "not looked at itself"
    alone, known = (each["cascade"].quality for each in (rows, sure))
    assert known.high - known.low < alone.high - alone.low
