"""What runs today, judged beside the strategies: its answers were given elsewhere.

It is no strategy. A strategy is asked inputs and never learns which test row they are; these
answers belong to the ids of test rows, so only the runner may hold them. Nothing is timed or
charged: cost and latency are what the user states, or unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.judging import judge
from benchmarks.records import OutcomeRecord, Record, SetupRecord, StatedRecord, StrategyFacts
from benchmarks.standing import standing_of
from corpora.task import Dataset, IncumbentAnswer
from strategies.base import Answer

INCUMBENT = "incumbent"
"""Its id, its name and its family."""
FACTS = StrategyFacts(id=INCUMBENT, name=INCUMBENT, family=INCUMBENT, model=None)
NO_ANSWER = "no answer of the incumbent is given for this row"


def judge_incumbent(dataset: Dataset, before: Sequence[Record]) -> list[Record]:
    """What is still to be stored: a setup that took nothing, and each test row's outcome.

    A row without an answer is an error. Empty where all of it stands in `before`.
    """
    if dataset.incumbent is None:
        return []
    standing = standing_of(before, INCUMBENT)
    records: list[Record] = []
    if standing.setup is None:
        records.append(SetupRecord(strategy=INCUMBENT, status="completed"))
    given = {answer.id: answer for answer in dataset.incumbent.answers}
    for example in dataset.test:
        if example.id in standing.answered:
            continue
        answer = given.get(example.id)
        said = Answer("", error=NO_ANSWER) if answer is None else Answer(answer.output)
        records.append(judge(INCUMBENT, dataset.task, example, said))
        records.append(stated(example.id, answer))
    return records


def stated(example: str, answer: IncumbentAnswer | None) -> StatedRecord:
    """Written for every row, so that its outcome is whole in the journal."""
    return StatedRecord(
        strategy=INCUMBENT,
        example=example,
        usd=answer.cost_usd if answer else None,
        ms=answer.latency_ms if answer else None,
    )


def was_given(row: OutcomeRecord) -> bool:
    """Whether the row was answered; False for one that what runs today is not known to answer."""
    return row.strategy != INCUMBENT or row.state == "ok"
