"""A run counts by each model's own tokens which rows it cannot read."""

from tinystrategies import Tiny, right

from benchmarks.records import RunRecord
from benchmarks.runner import run_comparison
from strategies.models.scripted import ScriptedModel


class Short(ScriptedModel):
    context_length = 17


def checks_of(dataset, prices, folder, models):
    tiny = Tiny(right, needs_model=bool(models))
    records = run_comparison(
        dataset, strategies=[tiny], models=models, folder=folder, prices=prices
    )
    return [record.checks for record in records if isinstance(record, RunRecord)]


def short():
    return Short(right, name="short")


def wide():
    return ScriptedModel(right, name="wide")


def test_rows_too_long_for_a_model_stand_in_the_record(dataset, prices, tmp_path):
    # ten words of instruction and seven of the input; of a training row its output too
    [checks] = checks_of(dataset, prices, tmp_path, {"wide": wide, "short": short})
    [finding] = [check for check in checks if check.check == "longer-than-context"]
    assert "17 tokens that short reads: 12 training rows cannot be learned from." in finding.message
    assert finding.examples == tuple(f"train-{n}" for n in range(5))
    again = checks_of(dataset, prices, tmp_path, {"wide": wide, "short": short})
    assert again == [checks]


def test_without_a_model_lengths_are_estimated(dataset, prices, tmp_path):
    long = dataset.test[0].model_copy(update={"input": "paint it red " * 1300})
    changed = dataset.model_copy(update={"test": (long, *dataset.test[1:])})
    [checks] = checks_of(changed, prices, tmp_path / "none", {})
    assert [c.examples for c in checks if c.check == "long-inputs"] == [("test-0",)]
    [checks] = checks_of(changed, prices, tmp_path / "wide", {"wide": wide})
    assert [c.check for c in checks if "long" in c.check] == []
