"""A race in a run: who answers what, who is prepared, how it goes on, and what it spares."""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
from conftest import rows
from tinystrategies import Tiny, always_red, right

from benchmarks.errors import Cancelled
from benchmarks.journal import Journal
from benchmarks.race_bill import rates_of, spared_by
from benchmarks.race_records import EliminationRecord, Expected, RaceRecord, RoundRecord
from benchmarks.raced import contest_in, eliminations, groundless, race_id
from benchmarks.racing import race_order
from benchmarks.records import BatchRecord, OutcomeRecord, SetupRecord, StrategyFacts
from benchmarks.runner import run_comparison
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from benchmarks.track import Track
from corpora.task import Deployment, Example
from strategies.base import Answer, Training


def repeated(split, count):
    """Those rows under other ids."""
    return [row.model_copy(update={"id": f"again {row.id}"}) for row in rows(split, count)]


def of(records, kind, strategy=None):
    found = [record for record in records if isinstance(record, kind)]
    return [record for record in found if strategy is None or record.strategy == strategy]


def run(dataset, prices, folder, *strategies, race=True, **more):
    return run_comparison(
        dataset,
        strategies=strategies,
        models={},
        folder=folder,
        prices=prices,
        race=race,
        **more,
    )


def statuses(records):
    return {row.id: row.status for row in summarise(records).strategies}


def number(text):
    return int(re.findall(r"item (\d+)", text)[0])


def often(share):
    """Right on that share of the rows, spread over them."""

    def say(text):
        at = number(text)
        if int((at + 1) * share) > int(at * share):
            return right(text)
        return Answer("none of them")

    return say


@dataclass
class Trained(Tiny):
    """One that trains: it reports its epochs."""

    family: str = "fine-tuning"

    def prepare(self, *args, **more):
        speaker = super().prepare(*args, **more)
        speaker.training = Training(epochs=2)
        return speaker


@pytest.fixture
def dataset(dataset):
    return dataset.model_copy(update={"validation": rows("validation", 60)})


def strategies():
    return (
        Tiny(often(0.3), name="baseline.near"),
        Tiny(right, name="prompt.good", family="prompting"),
        Tiny(often(0.4), name="prompt.bad", family="prompting"),
        Trained(often(0.5), name="lora"),
    )


def test_who_cannot_win_answers_no_test_row(dataset, prices, tmp_path):
    everyone = strategies()
    records = run(dataset, prices, tmp_path, *everyone)
    assert statuses(records) == {
        "baseline.near": "completed",
        "prompt.good": "completed",
        "prompt.bad": "eliminated",
        "lora": "eliminated",
    }
    for name in ("prompt.bad", "lora"):
        assert of(records, OutcomeRecord, name) == []
        asked = {row.example for row in of(records, OutcomeRecord, race_id(name))}
        assert asked
        assert asked <= {row.id for row in dataset.validation}
    stops = {stop.strategy: stop for stop in of(records, EliminationRecord)}
    assert (stops["prompt.bad"].by, stops["prompt.bad"].ground) == ("prompt.good", "beaten")
    assert (stops["lora"].by, stops["lora"].ground) == ("prompt.good", "beaten")
    for one in everyone[2:]:
        seen = {text for texts in one.speaker.asked for text in texts}
        assert not seen & {row.input for row in dataset.test}


def test_no_test_row_is_read_before_the_race_is_over(dataset, prices, tmp_path):
    records = run(dataset, prices, tmp_path, *strategies())
    tests = {row.id for row in dataset.test}
    places = [at for at, row in enumerate(records) if getattr(row, "example", None) in tests]
    last = max(at for at, row in enumerate(records) if isinstance(row, EliminationRecord))
    assert min(places) > last


def test_without_a_race_nothing_changes(dataset, prices, tmp_path):
    records = run(dataset, prices, tmp_path, *strategies(), race=False)
    assert set(statuses(records).values()) == {"completed"}
    assert not of(records, RaceRecord)
    assert summarise(records).race is None
    assert all(row.eliminated is None for row in summarise(records).strategies)


def test_all_answer_the_same_rows_in_the_same_order_and_in_growing_numbers(
    dataset, prices, tmp_path
):
    records = run(dataset, prices, tmp_path, *strategies())
    (opening,) = of(records, RaceRecord)
    assert sorted(opening.examples) == sorted(row.id for row in dataset.validation)
    assert opening.examples != tuple(row.id for row in dataset.validation)
    for name in ("baseline.near", "prompt.good", "prompt.bad", "lora"):
        found = [row.example for row in of(records, OutcomeRecord, race_id(name))]
        assert found == list(opening.examples[: len(found)])
    sizes = {one.strategy: one.n for one in reversed(of(records, BatchRecord))}
    assert (sizes[race_id("prompt.good")], sizes[race_id("baseline.near")]) == (16, 16)
    goals = [rows for one in of(records, RoundRecord) for rows in one.rows.values()]
    assert goals
    assert set(goals) <= {32, 60}


def test_nobody_is_loaded_between_preparing_and_its_first_look(dataset, prices, tmp_path):
    everyone = strategies()
    run(dataset, prices, tmp_path, *everyone)
    # once more for each further round, and for the test
    assert everyone[0].log == ["prepare", "load"]
    assert everyone[3].log == ["prepare"]


def test_what_trains_is_prepared_last_and_only_where_it_may_win(dataset, prices, tmp_path):
    asked, everyone = [], strategies()

    def may_win(name):
        asked.append((name, ["prepare" in one.log for one in everyone]))
        return "the forecast leaves it a chance of 1% to be best"

    records = run(dataset, prices, tmp_path, *everyone, may_win=may_win)
    assert asked == [("lora", [True, True, True, False])]
    assert everyone[3].log == []
    row = next(row for row in summarise(records).strategies if row.id == "lora")
    assert (row.status, row.reason) == (
        "eliminated",
        "the forecast leaves it a chance of 1% to be best",
    )
    assert (row.eliminated.ground, row.eliminated.by) == ("forecast", None)


def test_nobody_asks_whether_one_that_does_not_fit_may_win(dataset, prices, tmp_path):
    misfit = Trained(right, name="lora", excuse="lora needs weights")
    records = run(
        dataset, prices, tmp_path, *strategies()[:2], misfit, may_win=lambda name: "never"
    )
    assert statuses(records)["lora"] == "skipped"


def test_one_that_may_win_is_prepared_and_races(dataset, prices, tmp_path):
    records = run(dataset, prices, tmp_path, *strategies(), may_win=lambda name: None)
    assert of(records, EliminationRecord, "lora")[0].ground == "beaten"


def test_what_trained_cannot_stop_anybody(dataset, prices, tmp_path):
    records = run(
        dataset,
        prices,
        tmp_path,
        Tiny(often(0.3), name="prompt.bad", family="prompting"),
        Trained(right, name="lora"),
    )
    assert set(statuses(records).values()) == {"completed"}


def test_a_finished_race_does_nothing_again(dataset, prices, tmp_path):
    first = run(dataset, prices, tmp_path, *strategies())
    again = strategies()
    assert run(dataset, prices, tmp_path, *again) == first
    assert [one.log for one in again] == [[], [], [], []]


def tale(records):
    """What was decided, and on what; without times."""
    kinds = RaceRecord | RoundRecord | EliminationRecord | OutcomeRecord
    found = [row for row in records if isinstance(row, kinds)]
    return [
        (row.strategy, row.example, row.scores) if isinstance(row, OutcomeRecord) else row
        for row in found
    ]


@pytest.mark.parametrize("stop", [1, 6, 11, 14])
def test_a_race_that_was_killed_comes_to_the_same_end(dataset, prices, tmp_path, stop):
    whole = run(dataset, prices, tmp_path / "whole", *strategies())
    polls = iter(range(10_000))
    with pytest.raises(Cancelled):
        run(
            dataset,
            prices,
            tmp_path / "killed",
            *strategies(),
            cancelled=lambda: next(polls) == stop,
        )
    stopped = Journal(tmp_path / "killed" / "outcomes.jsonl").read()
    assert len(tale(stopped)) < len(tale(whole))
    found = run(dataset, prices, tmp_path / "killed", *strategies())
    assert tale(found) == without_expected(tale(whole), tale(found))


def without_expected(whole, found):
    """Quotes are the same on one machine; the record is compared but for them."""
    return [
        replace_quote(one, other) if isinstance(one, RaceRecord) else one
        for one, other in zip(whole, found, strict=False)
    ]


def replace_quote(one, other):
    return one.model_copy(update={"expected": other.expected})


def test_without_the_race_who_was_stopped_runs_after_all(dataset, prices, tmp_path):
    run(dataset, prices, tmp_path, *strategies())
    records = run(dataset, prices, tmp_path, *strategies(), race=False)
    assert set(statuses(records).values()) == {"completed"}
    assert len({row.example for row in of(records, OutcomeRecord, "lora")}) == len(dataset.test)
    # nothing is prepared twice, and nobody who has answered the test is stopped again
    raced = run(dataset, prices, tmp_path, *strategies())
    assert set(statuses(raced).values()) == {"completed"}
    assert raced == records


def test_who_was_stopped_by_one_that_breaks_later_runs_after_all(dataset, prices, tmp_path):
    def breaks(text):
        if text.startswith("test"):
            raise RuntimeError("cannot say")
        return right(text)

    records = run(
        dataset,
        prices,
        tmp_path,
        Tiny(breaks, name="prompt.good", family="prompting"),
        Tiny(often(0.4), name="prompt.bad", family="prompting"),
    )
    assert of(records, EliminationRecord, "prompt.bad")
    assert statuses(records) == {"prompt.good": "failed", "prompt.bad": "completed"}
    assert groundless(records, latest_run(records)) == []


def test_who_breaks_in_the_race_is_not_tried_again_at_once(dataset, prices, tmp_path):
    def breaks(text):
        raise RuntimeError("cannot say")

    class Unready(Tiny):
        def prepare(self, *args, **more):
            self.log.append("prepare")
            raise ValueError("no such luck")

    def both():
        mute = Tiny(breaks, name="prompt.mute", family="prompting")
        return mute, Unready(right, name="prompt.unready", family="prompting")

    mute, unready = both()
    records = run(dataset, prices, tmp_path, mute, unready, *strategies()[:2])
    found = {row.id: (row.status, row.reason) for row in summarise(records).strategies}
    assert found["prompt.mute"] == ("failed", "RuntimeError: cannot say")
    assert found["prompt.unready"] == ("failed", "ValueError: no such luck")
    assert (mute.log, unready.log) == (["prepare"], ["prepare"])
    _, again = both()
    run(dataset, prices, tmp_path, both()[0], again, *strategies()[:2])
    assert again.log == ["prepare"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"validation": ()}, "0 validation examples are too few to show who cannot win"),
        (
            {"validation": rows("validation", 8)},
            "8 validation examples are too few to show who cannot win",
        ),
        (
            {"validation": (*rows("validation", 8), *repeated("train", 12))},
            "8 validation examples (12 more repeat training examples) are too few to show who"
            " cannot win",
        ),
        ("macro_f1", "macro_f1 is no mean over examples, so no example tells who is ahead"),
    ],
)
def test_where_no_race_could_stop_anybody_nobody_races(dataset, prices, tmp_path, change, reason):
    if isinstance(change, str):
        change = {"task": dataset.task.model_copy(update={"metric": change})}
    given = dataset.model_copy(update=change)
    records = run(given, prices, tmp_path, *strategies(), may_win=lambda name: "it cannot win")
    assert set(statuses(records).values()) == {"completed"}
    assert not of(records, RoundRecord)
    found = summarise(records).race
    assert (found.refused, found.stopped, found.seconds) == (reason, 0, 0.0)


def test_every_elimination_follows_from_the_records_before_it(dataset, prices, tmp_path):
    records = run(dataset, prices, tmp_path, *strategies())
    found = list(eliminations(records))
    assert len(found) == 2
    for record, before in found:
        contest = contest_in(before)
        stop = contest.stop_of(contest.racer(record.strategy))
        assert (stop.by, stop.at_most, stop.reason) == (record.by, record.at_most, record.reason)


def test_machines_by_the_hour_count_in_a_race_as_they_do_in_the_report(dataset, prices, tmp_path):
    needs = dataset.task.needs.model_copy(update={"requests_per_month": 1000})
    task = dataset.task.model_copy(update={"deployment": Deployment(), "needs": needs})
    records = run(dataset.model_copy(update={"task": task}), prices, tmp_path, *strategies()[:3])
    whole = [r for r in records if not isinstance(r, EliminationRecord)]
    told = {racer.id: racer.result.cost.parts.hosting for racer in contest_in(whole).racers}
    assert len(told) == 3
    assert all(usd and usd > 0 for usd in told.values())


def test_groups_stand_together_in_an_order_of_chance():
    def row(number, group):
        return Example(id=f"{number}", input="x", output="y", group=group)

    given = [row(number, f"g{number % 5}" if number % 2 else None) for number in range(20)]
    found = race_order(given, 3)
    assert sorted(one.id for one in found) == sorted(one.id for one in given)
    groups = [one.group for one in found if one.group]
    changes = sum(a != b for a, b in pairwise(groups))
    assert changes == len(set(groups)) - 1
    assert race_order(given, 3) == found
    assert race_order(given, 4) != found


# the bill


def test_the_bill_tells_what_the_race_took_and_what_it_spared(dataset, prices, tmp_path):
    slow = [
        replace(one, seconds=0.001) for one in (strategies()[1], strategies()[2], strategies()[3])
    ]
    records = run(dataset, prices, tmp_path, strategies()[0], *slow)
    summary = summarise(records)
    raced = [row for row in of(records, BatchRecord) if row.strategy.endswith("[race]")]
    assert summary.race.seconds == pytest.approx(sum(row.seconds for row in raced))
    assert summary.race.usd == pytest.approx(summary.race.seconds * 0.09 / 3600)
    assert (summary.race.rows, summary.race.stopped) == (60, 2)
    rest = sum(row.seconds for row in of(records, BatchRecord)) - summary.race.seconds
    assert summary.spent_usd * 3600 / 0.09 > rest + summary.race.seconds
    bad = next(row for row in summary.strategies if row.id == "prompt.bad")
    assert bad.quality is None
    assert bad.p_best is None
    assert bad.cost.per_1k_requests_usd == pytest.approx(0.001 * 1000 * 0.09 / 3600, rel=0.5)
    assert bad.throughput_per_s == pytest.approx(1000, rel=0.5)


def test_what_is_spared_is_the_quote_corrected_by_those_that_ran():
    def track(name, status, setup, batch=0.0):
        facts = StrategyFacts(id=name, name=name, family="prompting", model="m")
        done = None
        if setup is not None:
            done = SetupRecord(strategy=name, status="completed", seconds=setup)
        batches = (BatchRecord(strategy=name, n=16, seconds=batch),)
        return Track(facts, status, None, done, {}, batches, ())

    prices = {"machine": "m", "usd_per_hour": 3600.0, "source": "s", "as_of": "2026-01"}
    run_ = SimpleNamespace(models=(), prices=prices)
    quoted = Expected(setup=10, answering=100, curve=20, usd=1.0)
    ran = [track("a", "completed", 5.0, 50.0), track("b", "completed", 10.0, 250.0)]
    rates = rates_of(ran, {"a": quoted, "b": quoted, "c": quoted})
    assert rates == pytest.approx((0.75, 1.5))
    prepared = spared_by(track("c", "eliminated", 9.0), quoted, rates, run_)
    assert prepared == pytest.approx((0.75 * 20 + 1.5 * 100,) * 2)
    unprepared = spared_by(track("c", "eliminated", None), quoted, rates, run_)
    assert unprepared == pytest.approx((0.75 * 30 + 1.5 * 100,) * 2)
    assert rates_of([], {}) == (1.0, 1.0)


def test_one_that_answers_nothing_more_than_always_the_same_is_stopped_too(
    dataset, prices, tmp_path
):
    records = run(
        dataset,
        prices,
        tmp_path,
        strategies()[1],
        Tiny(always_red, name="prompt.red", family="prompting"),
    )
    assert statuses(records)["prompt.red"] == "eliminated"
