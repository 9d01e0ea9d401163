"""A cascade is foretold from what is expected of its parts, and that is told."""

import pytest
from foretold import Scripted, dataset, planned

from benchmarks.belief.predictor import Predictor
from benchmarks.costs import read_prices
from corpora.task import Document
from service.forecasting.pages import as_html
from service.forecasting.planning import plan_forecast
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


def test_without_a_part_among_the_strategies_it_is_known_by_its_like_alone(tmp_path):
    truth = {"baseline.linear": 0.9, "prompt.nearest": 0.4}
    _, rows = foretold(tmp_path, truth, NAMES[:2] + NAMES[3:])
    _, known = foretold(tmp_path, truth)
    assert rows["cascade"].parts is None
    assert seen(rows["cascade"]) == "not looked at itself"
    alone, between = (each["cascade"].quality for each in (rows, known))
    assert between.high - between.low < alone.high - alone.low


def test_beside_documents_it_follows_what_reads_them(tmp_path):
    made = dataset(tmp_path)
    asked = {"kind": "question-answering", "metric": "exact_match", "labels": ()}
    made = made.model_copy(
        update={
            "task": made.task.model_copy(update=asked),
            "documents": (Document(id="paints", text="Red, green, blue and grey paint."),),
        }
    )
    names = ("baseline.passage", "rag.hybrid", "baseline.nearest", "prompt.nearest", "cascade")
    plan = plan_forecast(made, strategies=names, prices=read_prices())
    found = forecast(plan, source=Scripted({}), predictor=Predictor(), clock=lambda: 0.0)
    parts = {row.id: row.parts for row in found.strategies}
    assert parts["cascade"] == ("baseline.passage", "rag.hybrid")


def test_it_fails_with_a_part(tmp_path):
    plan = planned(tmp_path, budget_seconds=1e4, strategies=NAMES)
    source = Scripted({"baseline.linear": 0.45, "prompt.nearest": 0.9}, broken=("prompt.nearest",))
    found = forecast(
        plan, source=source, predictor=Predictor(), confidence=0.9999, clock=lambda: 0.0
    )
    row = next(row for row in found.strategies if row.id == "cascade")
    assert (row.status, row.quality) == ("failed", None)
    assert row.reason == "its part prompt.nearest failed: it caught fire"
    assert found.answer.strategy != "cascade"
