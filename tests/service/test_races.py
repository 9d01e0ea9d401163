"""A comparison with a race: the same answer as without, told, verified, and open to doubt."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from planted import TRIAGE, absent, reported, strategy, summary_of

from benchmarks.costs import read_prices
from benchmarks.journal import JOURNAL, Journal
from benchmarks.race_quote import with_race
from benchmarks.race_records import Elimination, EliminationRecord, RaceResult
from benchmarks.records import OutcomeRecord
from corpora.task import Dataset, Example, Needs, Task
from service.cli import cli
from service.comparing import compare, plan
from service.html import as_html
from service.markdown import as_markdown
from service.planted import figures
from service.planted.measure import RACES, races_in
from service.planted.races import answered, raced
from service.planted.situations import BY_NAME
from service.published import write_reports
from service.raced import race_notes, race_table
from service.recommendation import recommend
from service.report import build_report
from service.shapes import NewComparison
from service.verify import verify
from service.what_if import stored_of, what_if

NEEDS = Needs()


def race_of(name, seed, rows=120):
    world, _, records = BY_NAME[name].drawn(seed)
    return raced(world, records, np.random.default_rng([seed, 77]), rows)


def test_the_answer_is_that_without_a_race_in_at_least_95_of_100():
    facts = races_in(range(100))
    assert facts["draws"] == 100
    assert facts["same"] >= 95
    assert facts["stopped"] >= 15


def test_the_page_follows_from_the_committed_measurements():
    text = figures.RACING.read_text(encoding="utf-8")
    assert figures.racing_page(text) == text
    same, _ = figures.alike(figures.stored(figures.RACES_RUN))
    assert same.n >= RACES
    assert same.value >= 0.95


@pytest.fixture(scope="module")
def records():
    return race_of("knowledge-not-skill", 0)


def test_a_raced_report_says_whom_it_stopped_and_why(records):
    report = build_report(records)
    rows = {row.id: row for row in report.strategies}
    assert (rows["lora"].status, rows["lora"].quality, rows["lora"].p_best) == (
        "eliminated",
        None,
        None,
    )
    assert rows["lora"].eliminated.by == "rag.hybrid"
    answer = report.recommendation
    assert answered(answer) == ("rag.hybrid", "rag", "no")
    assert any("Every tuned strategy was stopped on the way: lora" in r for r in answer.reasons)
    assert answer.confidence <= 0.95
    assert report.race.stopped == 2
    _, table = race_table(report)
    assert [cells[:2] for cells in table] == [
        ["lora", "rag.hybrid"],
        ["prompt.few-shot", "rag.hybrid"],
    ]
    for text in (as_markdown(report), as_html(report)):
        assert "The race before the test" in text
        assert "an estimate" in text
        assert "Every strategy that the race did not stop answered the same test examples" in text


def test_only_what_ran_to_its_end_is_charted_and_billed(records):
    report = build_report(records)
    page = as_html(report)
    bill = page.partition('id="bill"')[2].partition("</section>")[0]
    assert "rag.hybrid" in bill
    assert "lora" not in bill
    assert [pair for pair in report.comparisons if "lora" in (pair.a, pair.b)] == []


def kept(records, folder):
    report = build_report(records)
    folder.mkdir(exist_ok=True)
    Journal(folder / JOURNAL).append(records)
    write_reports(report, folder)
    return folder


def test_verify_computes_every_elimination_again(records, tmp_path):
    assert verify(kept(records, tmp_path / "good")) == []
    moved = [
        row.model_copy(update={"at_most": -0.5}) if isinstance(row, EliminationRecord) else row
        for row in records
    ]
    found = verify(kept(moved, tmp_path / "moved"))
    assert {each.path for each in found} == {
        "eliminations[lora].at_most",
        "eliminations[prompt.few-shot].at_most",
    }
    # with other answers than those that led to it, an elimination does not follow
    lucky = [
        r
        for r in records
        if not (isinstance(r, OutcomeRecord) and r.strategy == "rag.hybrid[race]")
    ]
    lost = verify(kept(lucky, tmp_path / "lost"))
    assert "eliminations[lora]" in {each.path for each in lost}


def test_without_a_race_a_report_tells_of_none():
    _, _, records = BY_NAME["knowledge-not-skill"].drawn(0)
    report = build_report(records)
    assert report.race is None
    assert "race" not in json.loads(report.as_json())
    assert race_notes(report) == []
    assert "race" not in as_markdown(report)


# what the decision makes of what was stopped


def out(name, by, at_most, ground="beaten", needs=NEEDS, **cost):
    why = Elimination(
        ground=ground, by=by, difference=at_most - 0.1, at_most=at_most, n=64, needs=needs
    )
    row = absent(name, "eliminated", "it cannot win")
    priced = strategy(name, 0.5, 0.1, **cost)
    return row.model_copy(update={"eliminated": why, "cost": priced.cost})


def advised(*rows, needs=NEEDS):
    return recommend(summary_of(*rows), TRIAGE, needs)


GOOD = strategy("prompt.nearest", 0.8, 0.05)


def test_every_tuned_strategy_stopped_is_a_no_whatever_was_skipped():
    skipped = absent("lora+rag", "skipped", "rag needs documents")
    found = advised(GOOD, out("lora", "prompt.nearest", -0.1), skipped)
    assert (found.strategy, found.commit_to_fine_tuning) == ("prompt.nearest", "no")
    broken = absent("lora+rag", "failed", "out of memory")
    found = advised(GOOD, out("lora", "prompt.nearest", -0.1), broken)
    assert found.commit_to_fine_tuning == "not yet"


def test_tuning_that_was_stopped_does_not_solve_what_nothing_solves():
    bad = strategy("prompt.nearest", 0.12, 0.05)
    found = advised(bad, out("lora", "prompt.nearest", -0.1))
    assert (found.strategy, found.commit_to_fine_tuning) == (None, "no")
    assert "lora eliminated (it cannot win)" in " ".join(found.reasons)


@pytest.mark.parametrize(
    ("ground", "at_most", "needs", "holds"),
    [
        ("beaten", -0.05, Needs(practical_margin=0.02), True),
        ("beaten", -0.05, Needs(practical_margin=0.06), True),  # and prompting is the simpler
        ("no better", -0.01, Needs(practical_margin=0.02), True),
        ("not worth", 0.015, Needs(practical_margin=0.02), True),
        ("not worth", 0.015, Needs(practical_margin=0.01), False),
        ("not worth", 0.015, Needs(practical_margin=0.02, quality_at_least=0.7), False),
        ("no better", -0.01, Needs(requests_per_month=10_000), False),  # it is the cheaper one
        ("beaten", -0.05, Needs(requests_per_month=10_000), True),
        ("beaten", -0.05, Needs(latency_p95_ms=50), False),  # nobody knows how quick it is
        ("beaten", -0.05, Needs(latency_p95_ms=150), True),
        ("beaten", -0.05, Needs(cost_per_1k_requests=0.009), False),
        ("beaten", -0.05, Needs(cost_per_1k_requests=0.02), True),
    ],
)
def test_what_stopped_it_is_asked_again_under_the_terms_of_the_answer(
    ground, at_most, needs, holds
):
    stopped = out("lora", "prompt.nearest", at_most, ground, per_1k=0.005)
    found = advised(GOOD, stopped, needs=needs)
    said = " ".join(found.reasons)
    assert ("do not hold here" not in said) is holds
    if found.strategy == "prompt.nearest" and needs.quality_at_least is None:
        assert (found.commit_to_fine_tuning == "no") is holds


def test_what_was_stopped_by_one_that_failed_is_open_again():
    failed = absent("rag.hybrid", "failed", "out of memory")
    found = advised(GOOD, failed, out("lora", "rag.hybrid", -0.1))
    assert found.commit_to_fine_tuning == "not yet"
    assert "lora may be better, since what stopped it holds no more" in " ".join(found.reasons)
    chain = out("rag.hybrid", "prompt.nearest", -0.1)
    found = advised(GOOD, chain, out("lora", "rag.hybrid", -0.1))
    assert found.commit_to_fine_tuning == "no"


def test_a_yes_waits_for_what_was_stopped_without_a_reason_left():
    tuned = strategy("lora", 0.95, 0.02, n=400, setup=2.0)
    failed = absent("rag.hybrid", "failed", "out of memory")
    assert advised(GOOD, tuned).commit_to_fine_tuning == "yes"
    found = advised(GOOD, tuned, failed, out("prompt.few-shot", "rag.hybrid", -0.1))
    assert found.commit_to_fine_tuning == "not yet"


def test_a_forecast_holds_for_the_needs_it_was_made_for():
    row = absent("lora", "eliminated", "the forecast leaves it no chance")
    why = Elimination(ground="forecast", needs=NEEDS)
    row = row.model_copy(update={"eliminated": why})
    assert advised(GOOD, row).commit_to_fine_tuning == "no"
    other = Needs(requests_per_month=1e6)
    assert advised(GOOD, row, needs=other).commit_to_fine_tuning == "not yet"


def test_nobody_is_surer_than_the_race():
    race = RaceResult(rows=60, error=0.05, stopped=1)
    rows = (strategy("prompt.nearest", 0.95, 0.01), strategy("lora", 0.3, 0.01))
    sure = recommend(summary_of(*rows), TRIAGE, NEEDS).confidence
    summary = summary_of(*rows).model_copy(update={"race": race})
    assert sure > 0.99
    assert recommend(summary, TRIAGE, NEEDS).confidence == 0.95
    nobody = summary.model_copy(update={"race": race.model_copy(update={"stopped": 0})})
    assert recommend(nobody, TRIAGE, NEEDS).confidence == sure


def test_a_what_if_asks_anew_whether_it_is_out(records):
    stored = stored_of(records)
    assert what_if(stored, {}).same_answer
    asked = what_if(stored, {"latency_p95_ms": 300.0})
    assert "do not hold here" in " ".join(asked.after.reasons)
    again = stored_of(records, build_report(records))
    assert what_if(again, {}).after == what_if(stored, {}).after


def test_a_race_that_could_stop_nobody_says_why():
    summary = summary_of(GOOD)
    refused = RaceResult(rows=4, error=0.05, refused="4 validation examples are too few")
    report = reported(summary.model_copy(update={"race": refused}))
    assert race_notes(report) == ["The race could stop nobody: 4 validation examples are too few."]


def test_a_race_that_took_more_than_it_spared_says_so():
    race = RaceResult(rows=60, error=0.05, seconds=100, stopped=1, spared_seconds=60)
    report = reported(summary_of(GOOD).model_copy(update={"race": race}))
    assert "That is less than the race took." in race_notes(report)[1]
    rich = race.model_copy(update={"spared_seconds": 600})
    report = reported(summary_of(GOOD).model_copy(update={"race": rich}))
    assert "about 10 min" in race_notes(report)[1]
    assert "less than the race" not in race_notes(report)[1]


# asked for


LABELS = ("red", "green", "blue")


@pytest.fixture
def dataset():
    def rows(split, count):
        return tuple(
            Example(id=f"{split}{n}", input=f"{split} {n}: {LABELS[n % 3]}", output=LABELS[n % 3])
            for n in range(count)
        )

    task = Task(
        name="colours", kind="classification", instruction="?", labels=LABELS, metric="accuracy"
    )
    return Dataset(
        task=task, train=rows("train", 10), validation=rows("v", 40), test=rows("test", 30)
    )


def test_a_quote_holds_all_that_a_race_may_ask(dataset):
    prices = read_prices()
    plain = plan(dataset, strategies=["baseline.majority", "baseline.nearest"], prices=prices)
    with_it = plan(
        dataset, strategies=["baseline.majority", "baseline.nearest"], prices=prices, race=True
    )
    asked = 30 + 3 + 45  # test rows, warm-ups, and single requests beyond half the rows
    near = next(row for row in plain.quote.rows if row.id == "baseline.nearest")
    raced_near = next(row for row in with_it.quote.rows if row.id == "baseline.nearest")
    assert raced_near.race_seconds == pytest.approx(
        (near.seconds - near.setup_seconds) * 40 / asked
    )
    assert with_it.quote.seconds == pytest.approx(plain.quote.seconds + with_it.quote.race_seconds)
    assert plain.quote.race_seconds == 0
    paid = with_race(plain.quote, dataset, {"baseline.nearest"})
    dear = next(row for row in paid.rows if row.id == "baseline.nearest")
    assert dear.usd == pytest.approx(near.usd * (1 + 40 / asked))


def test_compare_races_where_it_is_asked_to(dataset, tmp_path):
    report = compare(
        dataset,
        out=tmp_path,
        strategies=["baseline.majority"],
        prices=read_prices(),
        race=True,
    )
    assert report.race.rows == 40
    assert verify(tmp_path) == []


def test_a_dry_run_tells_what_a_race_may_take_and_promises_nothing(dataset, tmp_path):
    task = {
        "name": "colours",
        "kind": "classification",
        "instruction": "Name the colour that the customer asks for.",
        "labels": list(LABELS),
        "examples": [
            {"id": row.id, "input": row.input, "output": row.output, "split": split}
            for split, rows in (
                ("train", dataset.train),
                ("validation", dataset.validation),
                ("test", dataset.test),
            )
            for row in rows
        ],
    }
    spec = tmp_path / "task.json"
    spec.write_text(json.dumps(task))
    asked = ["compare", str(spec), "--dry-run", "--strategies", "baseline.nearest"]
    plain = CliRunner().invoke(cli, asked)
    assert plain.exit_code == 0, plain.output
    assert "race" not in plain.output
    found = CliRunner().invoke(cli, [*asked, "--race"])
    assert found.exit_code == 0, found.output
    assert "cannot be promised" in " ".join(found.output.split())


def test_a_race_is_asked_for_over_http_too():
    assert NewComparison().race is False
    assert NewComparison.model_validate({"race": True}, strict=True).race is True
