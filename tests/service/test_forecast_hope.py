"""Whether a race leaves a strategy that is dear to prepare a chance."""

from dataclasses import replace
from pathlib import Path

import pytest
from foretold import FACTS, STRATEGIES, dataset, measured

from benchmarks.belief.gate import Gate
from benchmarks.belief.predictor import Predictor
from benchmarks.costs import read_prices
from benchmarks.journal import JOURNAL, Journal
from benchmarks.raced import race_id
from benchmarks.records import BatchRecord, OutcomeRecord, Record, SetupRecord
from service.forecasting.hope import hope, raced


def answered(name: str, share: float) -> list[Record]:
    """64 validation rows in a race, so many of which are right."""
    right = {f"validation {n}" for n in range(round(64 * share))}
    rows = [f"validation {n}" for n in range(64)]
    return [
        SetupRecord(strategy=name, status="completed", seconds=1.0),
        *(
            OutcomeRecord(
                strategy=race_id(name),
                example=row,
                state="ok",
                scores={"accuracy": float(row in right)},
                predicted="red",
            )
            for row in rows
        ),
        BatchRecord(strategy=race_id(name), n=64, seconds=6.4),
    ]


def asked(folder: Path, lora: float, tasks: int = 12, **gate: object) -> str | None:
    """Whether LoRA may win where linear gets 58 of 64, after tasks on which it got that much."""
    records = [
        record
        for name, share in (("baseline.linear", 0.9), ("prompt.few-shot", 0.4))
        for record in answered(name, share)
    ]
    journal = Journal(folder / JOURNAL)
    journal.append(records)
    predictor = Predictor.fit([measured(number, lora) for number in range(tasks)])
    predictor = predictor.model_copy(update={"gate": gate_on(folder, **gate)})
    why_not = hope(
        dataset(folder),
        journal,
        strategies=STRATEGIES,
        prices=read_prices(),
        predictor=predictor if tasks else Predictor(),
    )
    return why_not("lora")


def gate_on(folder: Path, **unlike: object) -> Gate:
    """Tested on such tasks with the model of that folder, but for what is unlike."""
    like = {"kinds": {"classification": 4}, "models": (str(folder),)}
    return Gate(**(like | unlike))


def test_one_that_lost_on_every_task_is_left_out_with_the_reason(tmp_path) -> None:
    reason = asked(tmp_path, lora=0.3)
    assert reason is not None
    assert reason.startswith("the answers of 2 others to validation examples leave it a chance of")
    assert reason.endswith("to be chosen, by 12 measured tasks")


@pytest.mark.parametrize(("lora", "tasks"), [(0.95, 12), (0.3, 0)])
def test_one_that_wins_elsewhere_and_one_of_which_nothing_is_known_may(
    tmp_path, lora, tasks
) -> None:
    assert asked(tmp_path, lora, tasks) is None


def test_a_predictor_that_a_simple_rule_beat_stops_nobody(tmp_path) -> None:
    assert asked(tmp_path, lora=0.3, way="rule of thumb") is None


@pytest.mark.parametrize("unlike", [{"kinds": {"classification": 3}}, {"models": ("other",)}])
def test_a_predictor_that_was_not_tested_on_the_like_stops_nobody(tmp_path, unlike) -> None:
    assert asked(tmp_path, lora=0.3, **unlike) is None


def test_what_was_answered_in_a_race_is_what_a_forecast_finds(tmp_path) -> None:
    [found] = raced(answered("prompt.few-shot", 0.25), FACTS, dataset(tmp_path))
    assert (found.action.deed, found.action.strategy, found.action.rows) == (
        "rows",
        "prompt.few-shot",
        64,
    )
    assert found.figures["score"] == 0.25
    assert found.figures["ms_per_row"] == pytest.approx(100.0)
    assert len(found.scores) == len(found.labels) == 64
    assert found.figures["errors"] == 0.0
    erring = answered("prompt.few-shot", 0.25)
    for at in range(1, 11):
        erring[at] = replace(erring[at], state="error", error="no reply", scores={}, predicted=None)
    [some] = raced(erring, FACTS, dataset(tmp_path))
    assert (len(some.scores), some.figures["errors"]) == (54, 10.0)
    assert raced(answered("other", 0.25), FACTS, dataset(tmp_path)) == []
    assert raced(answered("lora", 0.9), FACTS, dataset(tmp_path)) == []
    searching = [facts.model_copy(update={"searches": True}) for facts in FACTS]
    assert raced(answered("prompt.few-shot", 0.9), searching, dataset(tmp_path)) == []


def test_what_other_tasks_were_like_stops_nobody_by_itself(tmp_path) -> None:
    predictor = Predictor.fit([measured(number, 0.3) for number in range(12)])
    predictor = predictor.model_copy(update={"gate": gate_on(tmp_path)})
    task = dataset(tmp_path)

    def why_not(rows):
        told = {"strategies": STRATEGIES, "prices": read_prices(), "predictor": predictor}
        return hope(rows, journal, **told)("lora")

    journal = Journal(tmp_path / JOURNAL)
    journal.append([SetupRecord(strategy="lora", status="completed")])
    assert why_not(task) is None
    assert why_not(task.model_copy(update={"train": (), "validation": ()})) is None
