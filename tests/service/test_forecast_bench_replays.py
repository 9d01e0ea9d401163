"""Replays: each task taught by other sources alone, never by its own test rows; and the command."""

import json

import pytest
from bench_worlds import WAYS, found
from click.testing import CliRunner

from benchmarks.belief.gate import PREDICTOR
from benchmarks.belief.rivals import Saying
from benchmarks.costs import RunPrices, read_prices
from benchmarks.evidence.recorded import RecordedSource
from benchmarks.records import StrategyFacts
from service.cli import cli
from service.forecast_bench import pages
from service.forecast_bench.agenda import names_in
from service.forecast_bench.checks import BUDGETS
from service.forecast_bench.findings import read_evidence
from service.forecast_bench.known import learned
from service.forecast_bench.measure import findings_in, record_in
from service.forecast_bench.record import read_record, write_record
from service.forecast_bench.replay import Case, by_number, key_of, plan_of, priced_as, taught_by
from service.forecast_bench.replayed import FORECAST
from service.forecast_bench.replaying import Teachers, replay_all
from service.forecast_bench.rivals import affordable, stopped
from service.forecast_bench.sizes import SMALL
from service.forecast_bench.tasks import read_task
from service.forecast_bench.truth import truth_of
from service.forecasting.following import commit_of


def test_every_task_is_replayed_at_every_budget_beside_its_rivals(bench_world, tmp_path):
    bench, tasks, _ = bench_world
    done = replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    assert done.left_out == ()
    ways = list(dict.fromkeys(each.way for each in done.replays))
    assert ways[:2] == [FORECAST, PREDICTOR]
    assert len(ways) == 6
    assert len(done.replays) == 4 * len(BUDGETS) * 6
    for each in done.replays:
        assert each.seconds <= each.budget * done.truths[each.task].seconds
    ours = [each for each in done.replays if each.way == FORECAST]
    assert {name for each in ours for name in each.strategies} == set(WAYS)
    assert all(sum(s.p_best for s in each.strategies.values()) == pytest.approx(1) for each in ours)
    assert [each.steps for each in ours if each.task == "one"][-1][0] == "features"


def test_what_was_replayed_from_the_same_is_not_replayed_again(bench_world, tmp_path):
    bench, tasks, told = bench_world
    first = replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    told.clear()
    again = replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    assert again.replays == first.replays
    assert not [line for line in told if "forecast at" in line]


def test_test_rows_of_a_task_and_of_its_source_teach_it_nothing(bench_world, tmp_path):
    """Other scores of the same task, and of one of the same source: the same forecast."""
    bench, tasks, _ = bench_world
    none = tmp_path / "none"

    def told(name):
        done = replay_all([tasks[name]], bench, shipped=none)
        keep = {"key", "deciding_seconds"}
        return [each.model_dump(exclude=keep) for each in done.replays]

    before = {name: told(name) for name in ("one", "three")}
    for name in ("one", "two"):
        turned_round(record_in(bench.out, name))
    assert told("one") == before["one"]
    assert told("three") != before["three"]


def turned_round(path):
    """Every score of the record the other way round."""
    record = read_record(path)
    lines = tuple(
        line.model_copy(update={"scores": tuple(1.0 - s for s in line.scores)})
        for line in record.strategies
    )
    write_record(path, record.model_copy(update={"strategies": lines}))


def test_keys_go_by_what_other_sources_taught(bench_world, tmp_path):
    bench, tasks, _ = bench_world
    replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    lessons = learned(bench, tmp_path / "none").lessons
    assert [each.name for each in lessons] == ["four", "one", "three", "two"]
    assert [each.name for each in taught_by(lessons, "shared.org/x", "d")] == ["four", "three"]
    teachers = Teachers(lessons)
    assert {each.name for each in teachers.predictor("three", "d").tasks} == {"four", "one", "two"}
    assert teachers.predictor("three", "d") is teachers.predictor("three", "d")


def test_a_copy_under_another_name_and_source_teaches_nothing(bench_world, tmp_path):
    bench, tasks, _ = bench_world
    none = tmp_path / "none"

    def told():
        done = replay_all([tasks["three"]], bench, shipped=none)
        keep = {"key", "deciding_seconds"}
        return [each.model_dump(exclude=keep) for each in done.replays]

    before = told()
    record = read_record(record_in(bench.out, "three"))
    copied = record.task.model_copy(update={"name": "copy", "source": "elsewhere.org"})
    write_record(record_in(bench.out, "copy"), record.model_copy(update={"task": copied}))
    lessons = learned(bench, none).lessons
    assert "copy" in [each.name for each in lessons]
    taught = taught_by(lessons, "three", tasks["three"].data)
    assert [each.name for each in taught] == ["four", "one", "two"]
    assert told() == before


def test_a_replay_quotes_as_the_machine_that_measured(bench_world):
    bench, tasks, _ = bench_world
    prices = read_prices(None)
    record = read_record(record_in(bench.out, "one"))
    small, large = (
        name for name, _ in sorted(prices.machines.items(), key=lambda each: each[1].cores)[:2]
    )

    def quoted(name, usd):
        told = {**record.task.prices, "machine": name, "usd_per_hour": usd}
        made = record.model_copy(update={"task": record.task.model_copy(update={"prices": told})})
        truth = truth_of(record_in(bench.out, "one"), bench.out / "tasks")
        evidence = read_evidence(findings_in(bench.out, "one"))
        return plan_of(Case(tasks["one"], made, evidence, truth), 0.07, bench).outlook

    one, other = quoted(small, 1.0), quoted(large, 5.0)
    assert (one.machine, other.machine) == (small, large)
    assert [RunPrices.model_validate(each.run.prices).usd_per_hour for each in (one, other)] == [
        1.0,
        5.0,
    ]
    assert one.seconds != other.seconds
    unknown = quoted("made-up", 1.0)
    assert unknown.machine == prices.machine_for(cores=1, gpu=False)
    with_gpu = record.task.environment.model_copy(update={"gpu": "H100"})
    task = record.task.model_copy(update={"environment": with_gpu})
    priced = priced_as(record.model_copy(update={"task": task}), prices)
    assert prices.machines[priced.machine].gpu


def test_right_labels_are_told_as_records_tell_them():
    assert by_number({"r0": "b", "r1": "z"}, ("a", "b")) == {"r0": "1"}


def test_a_replay_is_known_by_all_that_it_was_computed_from(bench_world, tmp_path):
    bench, tasks, _ = bench_world
    lessons = learned(bench, tmp_path / "none").lessons
    path = record_in(bench.out, "one")
    evidence = read_evidence(findings_in(bench.out, "one"))
    made = truth_of(path, tmp_path / "truths")
    data = tasks["one"].data

    def keyed(evidence, lessons, budget):
        return key_of(made, evidence, data, lessons, budget)

    key = keyed(evidence, lessons, 0.07)
    assert key == keyed(evidence, lessons, 0.07)
    changed = {each.name: each.model_copy(update={"alike": 0.9}) for each in lessons}
    kin = [changed["two"] if each.name == "two" else each for each in lessons]
    assert key == keyed(evidence, kin, 0.07)
    fewer = evidence.model_copy(update={"findings": evidence.findings[:1]})
    other = (
        keyed(evidence, [*changed.values()], 0.07),
        keyed(fewer, lessons, 0.07),
        keyed(evidence, lessons, 0.15),
    )
    assert len({key, *other}) == 4


def test_records_of_another_state_of_the_code_are_told(bench_world, tmp_path):
    bench, tasks, told = bench_world
    done = replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    warnings = [line for line in told if line.startswith("Warning")]
    assert len(warnings) == 2
    assert "comparing: 4 of 4 records were made by other states" in warnings[0]
    assert done.states == {"comparing": ["state"], "evidence": ["e"]}


def test_a_rule_finds_what_it_looks_at_while_it_can_pay():
    source = RecordedSource(
        [
            found("features", None, 0, 1.0),
            found("rows", "a", 8, 2.0),
            found("rows", "a", 16, 9.0),
            found("rows", "b", 8, 3.0),
            found("pilot", "lora", 8, 4.0, share=0.1),
        ]
    )
    taken = affordable(source, "rank at pilot size", 9.5)
    assert [(one.action.deed, one.action.strategy) for one in taken] == [
        ("rows", "a"),
        ("rows", "b"),
        ("pilot", "lora"),
    ]
    assert stopped("rank at pilot size", source) == "the budget is used up"
    affordable(source, "rank at pilot size", 9.0)
    assert stopped("rank at pilot size", source) == "nothing is left that it looks at"
    assert affordable(source, "majority strategy", 100.0) == []
    assert stopped("majority strategy", source) == "it looks at nothing"


@pytest.mark.parametrize(
    ("pick", "commit"), [("lora", "yes"), ("prompt.nearest", "no"), (None, "not yet")]
)
def test_a_rule_that_takes_a_tuned_strategy_says_yes(pick, commit):
    facts = [
        StrategyFacts(id="lora", name="lora", family="fine-tuning", model="m"),
        StrategyFacts(id="prompt.nearest", name="prompt.nearest", family="prompting", model="m"),
    ]
    assert commit_of(Saying(pick), facts) == commit


def test_the_page_is_made_of_what_was_stored(bench_world, tmp_path):
    bench, tasks, _ = bench_world
    assert pages.figures(tmp_path / "none") == "Not measured yet."
    replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    page = pages.figures(bench.out)
    for name in tasks:
        assert f"| {name} |" in page
    assert "| rule of thumb | 15% |" in page
    drawn = pages.charts(bench.out)
    assert [path.name for path in drawn] == ["forecast-bench.svg", "forecast-bench-odds.svg"]
    assert all(text.startswith("<svg xmlns") or "xmlns" in text[:200] for text in drawn.values())
    assert pages.charts(tmp_path / "none") == {}


def test_the_committed_page_follows_from_the_committed_records():
    assert pages.written_anew() == pages.PAGE.read_text(encoding="utf-8")


def test_committed_records_are_small_and_whole():
    for name in names_in(pages.RESULTS):
        path = record_in(pages.RESULTS, name)
        assert read_record(path).task.name == name
        for each in (path, findings_in(pages.RESULTS, name)):
            assert not each.is_file() or each.stat().st_size < 300_000


def run(*arguments):
    return CliRunner().invoke(cli, ["bench", "forecast", *map(str, arguments)])


def test_the_command_replays_what_is_at_hand_and_ends_with_one_line(bench_world, bench_made):
    bench, tasks, _ = bench_world
    folder = bench_made[0] / "tasks"
    assert read_task(folder / "one", SMALL).data == tasks["one"].data
    said = run(folder, "--size", "small", "--replay-only", "--json", "--out", bench.out)
    last = json.loads(said.stdout.splitlines()[-1])
    assert last["bench"] == "forecast"
    assert last["environment"]["size"] == "small"
    values = {each["name"]: each for each in last["checks"]}
    assert values["tasks"]["value"] == 4.0
    assert values["tasks_left_out"]["met"] is None
    assert said.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--only", "oen"], 2, "'oen' is unknown"),
        (["--only", "one,two"], 1, "No task was replayed"),
    ],
)
def test_the_command_refuses(arguments, code, says, bench_made, tmp_path):
    said = run(bench_made[0] / "tasks", "--replay-only", "--out", tmp_path / "new", *arguments)
    assert said.exit_code == code
    assert says in said.output
