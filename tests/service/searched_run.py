"""The example run with two strategies that searched within a budget, and one chosen from a list."""

from example_run import FAMILIES, MODEL, example_records, strategy_records

from benchmarks.records import EndRecord, Record, RunRecord, SetupRecord, StrategyFacts
from corpora.task import Needs, Search

SEARCHED = {
    # share of right answers, seconds of setup, seconds a batch of 10, ms of one request
    "prompt.optimized": (0.98, 152.0, 4.4, 440.0),
    "lora.optimized": (0.945, 197.0, 1.3, 150.0),
}


def tried(score: float, rows: float, seconds: float, **more: float | str) -> dict[str, float | str]:
    """A row of a search: settings and marks in `more`."""
    return {**more, "validation_score": score, "rows": rows, "seconds": seconds}


TRIES: dict[str, tuple[dict[str, float | str], ...]] = {
    "prompt.optimized": (
        tried(0.75, 40, 21.4, shots=8, choice="balanced"),
        tried(0.925, 40, 26.8, shots=8, choice="nearest"),
        tried(0.125, 16, 4.2, shots=0, choice="none", dropped="clearly behind"),
        tried(0.975, 40, 41.0, shots=16, choice="nearest", chosen=1.0),
        tried(0.9, 40, 18.9, shots=4, choice="nearest"),
        tried(0.6875, 32, 27.3, shots=16, choice="balanced", dropped="clearly behind"),
    ),
    "lora.optimized": (
        tried(0.95, 40, 79.0, learning_rate=0.0002, rank=16, chosen=1.0),
        tried(0.925, 40, 77.5, learning_rate=0.0005, rank=16),
        tried(0.8125, 16, 24.6, learning_rate=0.001, rank=32, dropped="out of time"),
        tried(0.9, 40, 190.0, learning_rate=0.0002, rank=16, stage="final", seed=0.0),
    ),
}


def searched_records(needs: Needs | None = None) -> list[Record]:
    """The whole journal."""
    run, *rest = example_records(needs)
    assert isinstance(run, RunRecord)
    facts = [
        StrategyFacts(
            id=name,
            name=name,
            family=FAMILIES[name.split(".")[0]],
            model=MODEL,
            searches=True,
        )
        for name in SEARCHED
    ]
    task = run.task.model_copy(update={"search": Search(trials=8, seconds=180)})
    first = run.model_copy(update={"task": task, "strategies": (*run.strategies, *facts)})
    records: list[Record] = [first, *(row for row in rest if not isinstance(row, EndRecord))]
    for name, script in SEARCHED.items():
        records += strategy_records(name, *script)
    return [*map(with_tries, records), EndRecord(seconds=797.0)]


def with_tries(record: Record) -> Record:
    if not isinstance(record, SetupRecord):
        return record
    if record.strategy == "baseline.linear":
        rows = [
            {"c": 10.0, "validation_score": 0.925, "rows": 40.0},
            {"c": 1.0, "validation_score": 0.85, "rows": 40.0},
            {"c": 100.0, "validation_score": 0.95, "rows": 40.0, "chosen": 1.0},
        ]
        return record.model_copy(update={"training": {"search": rows}})
    if record.strategy not in TRIES:
        return record
    training = {"search": TRIES[record.strategy], "usage": {"prompt": 0, "cached": 0}}
    if record.strategy == "lora.optimized":
        training |= {"epochs": 2, "seeds": [0]}
    return record.model_copy(update={"training": training})
