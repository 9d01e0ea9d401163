"""Another volume, price or need: what follows from the stored measurements alone."""

import json
import shutil

import pytest
from click.testing import CliRunner
from example_run import example_records

from benchmarks.costs import read_prices
from benchmarks.errors import BenchmarkError
from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import RunRecord
from corpora.errors import InvalidInput
from corpora.task import Deployment, Needs
from service.cli import cli
from service.report import Report, build_report
from service.what_if import stored_in, stored_of, what_if
from service.what_if_speed import milliseconds

NEEDS = {"requests_per_month": 40_000.0, "quality_at_least": 0.9}


@pytest.fixture(scope="module")
def stored():
    return stored_of(example_records())


def records_with(deployment=None, price=None, **needs):
    """The example's records as if the run had been asked so."""
    records = example_records(Needs(**{**NEEDS, **needs}))
    run = records[0]
    assert isinstance(run, RunRecord)
    prices = {**run.prices, **({"usd_per_hour": price} if price else {})}
    if deployment is not None:
        host = read_prices().host(deployment.machine or run.prices["machine"])
        prices["host"] = host.model_dump(mode="json")
    told = {"deployment": deployment, "prices": prices}
    return [run.model_copy(update=told), *records[1:]]


def bills(found):
    return {row.strategy: row.after for row in found.costs}


def test_no_change_is_the_answer_that_was_given(stored):
    found = what_if(stored, {})
    report = build_report(example_records())
    assert (found.changed, found.same_answer) == ((), True)
    assert found.before == found.after == report.recommendation
    assert found.break_even == report.break_even
    assert all(row.before == row.after for row in found.costs)
    assert len(found.costs) == 7


def test_costs_by_hand(stored):
    """A second of the machine costs a tenth of a cent at 3.6 dollars an hour."""
    changes = {"requests_per_month": 1000, "horizon_months": 24, "prices": {"usd_per_hour": 3.6}}
    found = what_if(stored, changes)
    seconds = sum(batch.seconds for batch in stored.tracks[-3].batches) / 150
    lora = bills(found)["lora"]
    assert stored.tracks[-3].id == "lora"
    assert lora.setup_usd == pytest.approx(0.127)
    assert lora.per_1k_requests_usd == pytest.approx(seconds)
    assert lora.horizon_usd == pytest.approx(0.127 + 24 * seconds)
    assert [(one.what, one.before, one.after) for one in found.changed][:2] == [
        ("requests_per_month", 40_000.0, 1000.0),
        ("horizon_months", 12.0, 24.0),
    ]
    assert [one.what for one in found.changed][2:] == ["prices.usd_per_hour"]


@pytest.mark.parametrize(
    "needs",
    [
        {"requests_per_month": 10.0},
        {"requests_per_month": 5e7, "horizon_months": 36.0},
        {"quality_at_least": 0.99},
        {"quality_at_least": None, "practical_margin": 0.1},
        {"latency_p95_ms": 10.0},
        {"cost_per_1k_requests": 1e-6},
        {"label_usd": 0.3, "behaviour_changes": "monthly"},
        {"engineer_usd_per_hour": 50.0, "engineer_hours_per_month": {"baseline": 20.0}},
        {"deployment": {"replicas": 2, "peak_requests_per_second": 40.0}},
        {"deployment": {"machine": "cpu-16-core", "hours_per_day": 8.0}},
    ],
    ids=lambda needs: "-".join(needs),
)
def test_it_says_what_a_comparison_with_those_needs_would_have_said(stored, needs):
    found = what_if(stored, needs, read_prices())
    placed = needs.get("deployment")
    plain = {name: value for name, value in needs.items() if name != "deployment"}
    made = build_report(records_with(Deployment(**placed) if placed else None, **plain))
    assert found.after == made.recommendation
    rows = {row.id: row for row in made.strategies}
    for row in found.costs:
        assert row.after == rows[row.strategy].cost
        assert row.load_after == rows[row.strategy].under_load
    assert [(row.from_, row.to, row.requests) for row in found.break_even] == [
        (row.from_, row.to, row.requests) for row in made.break_even
    ]
    assert found.before == stored.answer


def test_an_answer_that_turns_says_so(stored):
    """Nothing beats the picked one, but it needs people and others do not."""
    assert stored.answer.strategy == "baseline.linear"
    changes = {
        "quality_at_least": None,
        "engineer_usd_per_hour": 100,
        "engineer_hours_per_month": {"baseline": 200.0},
    }
    found = what_if(stored, changes)
    assert not found.same_answer
    assert found.after.family != "baseline"
    assert bills(found)["baseline.linear"].parts.engineering == 12 * 200 * 100


def test_changes_add_up_and_leave_the_stored_as_it_is(stored):
    before = stored.answer
    one = what_if(stored, {"requests_per_month": 7.0})
    what_if(stored, {"prices": {"usd_per_hour": 9.0}, "deployment": {}})
    assert what_if(stored, {"requests_per_month": 7.0}) == one
    assert stored.answer == before


def test_null_means_that_a_need_is_not_stated(stored):
    found = what_if(stored, {"requests_per_month": None, "quality_at_least": None})
    assert (found.needs.requests_per_month, found.needs.quality_at_least) == (None, None)
    assert all(cost.horizon_usd is None for cost in bills(found).values())


def test_fields_of_a_deployment_are_changed_one_by_one():
    placed = Deployment(peak_requests_per_second=2.0, hours_per_day=8)
    given = stored_of(records_with(placed))
    found = what_if(given, {"deployment": {"replicas": 3}})
    assert found.deployment == placed.model_copy(update={"replicas": 3})
    assert [one.what for one in found.changed] == ["deployment.replicas"]
    gone = what_if(given, {"deployment": None})
    assert gone.deployment is None
    assert all(row.load_before and not row.load_after for row in gone.costs)


def test_the_price_of_the_serving_machine(stored):
    changes = {"deployment": {"machine": "gpu"}, "prices": {"gpu.usd_per_hour": 10}}
    found = what_if(stored, changes, read_prices())
    hours = 12 * 24 * 365.25 / 12
    assert bills(found)["lora"].parts.hosting == pytest.approx(hours * 10)
    assert bills(found)["lora"].setup_usd == pytest.approx(127 * 0.09 / 3600)


def test_the_price_of_a_hosted_models_tokens():
    """5 tokens written a request; nothing else costs."""
    records = example_records(Needs(**NEEDS))
    run = records[0]
    price = {"input": 0, "cached": 0, "output": 1, "source": "s", "as_of": "d"}
    models = tuple(model.model_copy(update={"hosted": True}) for model in run.models)
    prices = {**run.prices, "models": {models[0].name: price}}
    run = run.model_copy(update={"models": models, "prices": prices})
    found = what_if(stored_of([run, *records[1:]]), {"prices": {f"{models[0].name}.output": 100}})
    assert bills(found)["prompt.few-shot"].per_1k_requests_usd == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "field", "fix"),
    [
        ({"request_per_month": 5}, "request_per_month", "did you mean 'requests_per_month'"),
        ({"requests_per_month": "many"}, "requests_per_month", "without quotes"),
        ({"requests_per_month": -5}, "requests_per_month", "greater than or equal to 0"),
        ({"horizon_months": 0}, "horizon_months", "greater than 0"),
        ({"deployment": {"replica": 5}}, "deployment.replica", "did you mean 'replicas'"),
        ({"deployment": {"machine": "cpu-2-cores"}}, "deployment.machine", "cpu-2-core"),
        ({"deployment": {"peak_requests_per_second": 0.001}}, None, "0.0152 a second"),
        ({"prices": {"usd_per_hours": 1}}, "prices.usd_per_hours", "did you mean 'usd_per_hour'"),
        ({"prices": {"usd_per_hour": -1}}, "prices.usd_per_hour", "0 or more"),
        ({"prices": {"gpt.input": 1}}, "prices.gpt.input", "Known: usd_per_hour"),
        ({"engineer_hours_per_month": {"rag": 1}}, "engineer_usd_per_hour", "what one costs"),
        (
            {"engineer_usd_per_hour": 1, "engineer_hours_per_month": {"prompt": 1}},
            "needs.engineer_hours_per_month",
            "Families: baseline, prompting",
        ),
        ({"model_retires": "soon"}, "model_retires", "2027-06-30"),
    ],
)
def test_a_wrong_change_names_the_field_and_the_fix(stored, changes, field, fix):
    with pytest.raises(InvalidInput) as caught:
        what_if(stored, changes, read_prices())
    assert caught.value.field == (field or "deployment.peak_requests_per_second")
    assert fix in caught.value.fix


def test_a_machine_without_a_price_is_refused_where_no_list_is_at_hand(stored):
    with pytest.raises(InvalidInput, match="no price list"):
        what_if(stored, {"deployment": {"machine": "gpu"}})
    same = what_if(stored, {"deployment": {}})
    hours = 12 * 24 * 365.25 / 12
    assert bills(same)["lora"].parts.hosting == pytest.approx(hours * 0.09)


def test_with_its_report_nothing_is_resampled(stored):
    report = build_report(example_records())
    read = Report.model_validate_json(report.as_json())
    again = stored_of(example_records(), read)
    assert again.answer == stored.answer
    assert again.summary.strategies == stored.summary.strategies
    doubted = read.model_copy(
        update={
            "strategies": tuple(
                row.model_copy(update={"p_best": 0.123}) if row.quality else row
                for row in read.strategies
            )
        }
    )
    rows = stored_of(example_records(), doubted).summary.strategies
    assert {row.p_best for row in rows if row.quality} == {0.123}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a comparison leaves, as far as it is asked for."""
    made = tmp_path_factory.mktemp("made")
    Journal(made / JOURNAL).append(example_records())
    (made / "report.json").write_text(build_report(example_records()).as_json())
    return made


def test_a_folder_is_read_with_or_without_a_report_of_this_version(folder, stored, tmp_path):
    folder = shutil.copytree(folder, tmp_path / "copy")
    assert stored_in(folder).answer == stored.answer
    (folder / "report.json").write_text('{"schema": "tuneworth.report/0"}')
    assert stored_in(folder).answer == stored.answer
    (folder / JOURNAL).write_text("")
    with pytest.raises(BenchmarkError, match="no run record"):
        stored_in(folder)


def test_timing_leaves_the_first_out(stored):
    assert len(milliseconds(stored, 3)) == 3
    assert all(ms > 0 for ms in milliseconds(stored, 2))


def tuneworth(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def test_the_command_tells_before_and_after(folder):
    options = ("--requests-per-month", 100_000, "--horizon-months", 24)
    said = tuneworth("what-if", folder, *options, "--price", "usd_per_hour=0.2")
    assert said.exit_code == 0, said.output
    text = " ".join(said.stdout.split())
    assert "requests_per_month: 40000 → 100000" in text
    assert "prices.usd_per_hour: 0.09 → 0.2" in text
    assert "before: No language model needed: baseline.linear" in text
    assert "The answer stays." in text


def test_the_command_as_json(folder, stored):
    options = ("--set", "deployment.replicas=3", "--set", "quality_at_least=null", "--json")
    said = tuneworth("what-if", folder, *options)
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert found["schema"] == "tuneworth.what-if/1"
    assert found["deployment"]["replicas"] == 3
    assert found["before"] == stored.answer.model_dump(mode="json")
    assert set(found["break_even"][0]) == {"from", "to", "requests", "low", "high"}


@pytest.mark.parametrize(
    ("written", "volume"), [("1e5", 100_000), ("2.5E+4", 25_000), ("1e999", None), ("1e", None)]
)
def test_numbers_with_an_exponent_are_numbers(folder, written, volume):
    said = tuneworth("what-if", folder, "--set", f"requests_per_month={written}", "--json")
    assert said.exit_code == (0 if volume else 2)
    if volume:
        assert json.loads(said.stdout)["needs"]["requests_per_month"] == volume


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "Nothing is changed"),
        (("--price", "usd_per_hour"), "no KEY=VALUE"),
        (("--price", "usd_per_hour=[1"), "cannot be read"),
        (("--set", "volume=3"), "volume is wrong"),
        (("--set", "deployment=3"), "deployment is wrong"),
        (("--quality-at-least", "90"), "quality_at_least is wrong"),
    ],
)
def test_a_wrong_command_is_bad_input(folder, options, told):
    said = tuneworth("what-if", folder, *options)
    assert said.exit_code == 2
    assert told in " ".join(said.output.split())


def test_a_folder_without_a_report_is_bad_input(tmp_path):
    said = tuneworth("what-if", tmp_path, "--requests-per-month", 5)
    assert said.exit_code == 2
    assert "holds no report.json" in " ".join(said.output.split())
