"""The example run with two strategies that searched within a budget, and one chosen from a list."""

from example_run import FAMILIES, MODEL, example_records, strategy_records

from benchmarks.records import EndRecord, Record, RunRecord, SetupRecord, StrategyFacts
from corpora.task import Needs, Search

SEARCHED = {
    # share of right answers, seconds of setup, seconds a batch of 10, ms of one request
    "prompt.optimized": (0.98, 152.0, 4.4, 440.0),
    "lora.optimized": (0.945, 197.0, 1.3, 150.0),
}
TRIES: dict[str, tuple[dict[str, float | str], ...]] = {
    "prompt.optimized": (
        dict(shots=8.0, choice="balanced", validation_score=0.75, rows=40.0, seconds=21.4),
        dict(shots=8.0, choice="nearest", validation_score=0.925, rows=40.0, seconds=26.8),
        dict(
            shots=0.0,
            choice="none",
            validation_score=0.125,
            rows=16.0,
            seconds=4.2,
            dropped="clearly behind",
        ),
        dict(
            shots=16.0,
            choice="nearest",
            validation_score=0.975,
            rows=40.0,
            seconds=41.0,
            chosen=1.0,
        ),
        dict(shots=4.0, choice="nearest", validation_score=0.9, rows=40.0, seconds=18.9),
        dict(
            shots=16.0,
            choice="balanced",
            validation_score=0.6875,
            rows=32.0,
            seconds=27.3,
            dropped="clearly behind",
        ),
    ),
    "lora.optimized": (
        dict(
            learning_rate=0.0002,
            rank=16.0,
            validation_score=0.95,
            rows=40.0,
            seconds=79.0,
            chosen=1.0,
        ),
        dict(learning_rate=0.0005, rank=16.0, validation_score=0.925, rows=40.0, seconds=77.5),
        dict(
            learning_rate=0.001,
            rank=32.0,
            validation_score=0.8125,
            rows=16.0,
            seconds=24.6,
            dropped="out of time",
        ),
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
        rows = [dict(c=c, validation_score=v, rows=40.0) for c, v in ((10, 0.925), (1, 0.85))]
        rows.append(dict(c=100.0, validation_score=0.95, rows=40.0, chosen=1.0))
        return record.model_copy(update={"training": {"search": rows}})
    if record.strategy not in TRIES:
        return record
    training = {"search": TRIES[record.strategy], "usage": {"prompt": 0, "cached": 0}}
    if record.strategy == "lora.optimized":
        training |= {"epochs": 2, "seeds": [0]}
    return record.model_copy(update={"training": training})
