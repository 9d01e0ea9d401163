"""Guards against a broken measurement: each looks for one fault that would go unnoticed.

An adapter that is silently not applied, a prompt that differs between training and serving,
scores that move with the batch size, test rows that were in the training data: each has spoilt
comparisons elsewhere. They warn in the report; test rows that were in the training data are left
out of every score besides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from benchmarks.records import APART, LAST_GUARD, LatencyRecord, SentinelRecord
from corpora.checks.material import Material
from corpora.checks.splits import leaked_rows
from corpora.task import Dataset, Example
from strategies.base import Answer, Prepared, Score

ADAPTER_ROWS = 16
PROMPT_ROWS = 8
READ_ROWS = 64
"""Training rows looked through for PROMPT_ROWS that training read."""
BATCH_ROWS = 32
BATCH_SIZE = 8
SCORE_TOLERANCE = 0.05
PROBABILITY_TOLERANCE = 0.1
SAME_PROBABILITY = 1e-6
SHOWN = 5
CHECK_SECONDS = 15.0
"""Time that the batch-size sentinel's single requests may take, as far as latency foretells."""

Item = TypeVar("Item")


@runtime_checkable
class HasBase(Protocol):
    """A prepared strategy that can answer the same prompts with its adapter switched off."""

    def base_answers(self, inputs: Sequence[str]) -> list[Answer]: ...


@runtime_checkable
class RendersPrompts(Protocol):
    """A prepared strategy that shows the text it was trained on and the text it is served.

    The first is a record of what training read, None for a row it did not read or keep; to
    render it anew would compare a function with itself.
    """

    def rendered_training_prompt(self, example: Example) -> str | None: ...

    def rendered_serving_prompt(self, text: str) -> str: ...


def check_strategy(
    strategy: str,
    family: str,
    prepared: Prepared,
    rows: Sequence[Example],
    score: Score,
    *,
    train: Sequence[Example],
    poll: Callable[[], None],
    batch_rows: int = BATCH_ROWS,
) -> list[SentinelRecord]:
    """All guards that apply to a strategy, on `rows` of the validation split, and on those it
    was trained on. `poll` is called before each request, and may raise Cancelled."""

    def answer(inputs: Sequence[str]) -> list[Answer]:
        poll()
        return prepared.answer(inputs)

    found: list[SentinelRecord] = []
    if isinstance(prepared, HasBase):
        found.append(adapter_changes_outputs(strategy, answer, prepared, rows))
    elif family == "fine-tuning":
        message = "Not shown: the strategy cannot answer without its adapter for comparison."
        found.append(verdict("adapter changes outputs", strategy, False, message))
    if isinstance(prepared, RendersPrompts):
        found.append(same_prompt(strategy, prepared, train))
    found.append(batch_size_is_harmless(strategy, answer, rows[:batch_rows], score))
    return found


def adapter_changes_outputs(
    strategy: str,
    answer: Callable[[Sequence[str]], list[Answer]],
    base: HasBase,
    rows: Sequence[Example],
) -> SentinelRecord:
    """Fires where adapter on and off give the same texts and label probabilities."""
    inputs = [row.input for row in rows[:ADAPTER_ROWS]]
    pairs = list(zip(answer(inputs), base.base_answers(inputs), strict=True))
    changed = sum(
        tuned.text != plain.text or probability_gap(tuned, plain) > SAME_PROBABILITY
        for tuned, plain in pairs
    )
    passed = changed > 0 or not pairs
    message = f"With the adapter, {changed} of {len(pairs)} answers differ from the base model's."
    if not passed:
        message += " It seems not to be applied."
    return verdict("adapter changes outputs", strategy, passed, message)


def same_prompt(strategy: str, prepared: RendersPrompts, rows: Sequence[Example]) -> SentinelRecord:
    """Fires where a training row is served otherwise than it was read, or none can be compared."""
    read = {row.id: prepared.rendered_training_prompt(row) for row in rows[:READ_ROWS]}
    checked = [row for row in rows if read.get(row.id) is not None][:PROMPT_ROWS]
    differing = [
        row.id for row in checked if read[row.id] != prepared.rendered_serving_prompt(row.input)
    ]
    message = f"Training and serving render the same prompt for {len(checked)} rows."
    if not checked:
        message = "Not shown: the strategy kept no prompt of its training."
    if differing:
        message = f"Training and serving render different prompts: {shown(differing)}."
    return verdict("same prompt", strategy, bool(checked) and not differing, message)


def batch_size_is_harmless(
    strategy: str,
    answer: Callable[[Sequence[str]], list[Answer]],
    rows: Sequence[Example],
    score: Score,
) -> SentinelRecord:
    """Fires where answering singly and in batches of 8 gives different scores.

    The mean score may move by SCORE_TOLERANCE, and the probability of no label by more than
    PROBABILITY_TOLERANCE: sums in another order round differently, and no more than that. So a
    text can take another turn at a word, and of few rows one such text moves the mean by more:
    the move that counts is the smallest that is left without any one row.
    """
    inputs = [row.input for row in rows]
    singly = [answer([text])[0] for text in inputs]
    together = [
        given
        for start in range(0, len(inputs), BATCH_SIZE)
        for given in answer(inputs[start : start + BATCH_SIZE])
    ]
    move = moved(rows, singly, together, score)
    gaps = [probability_gap(one, other) for one, other in zip(singly, together, strict=True)]
    gap = max(gaps, default=0.0)
    message = (
        f"Answering {len(rows)} rows singly and in batches of {BATCH_SIZE} moves the mean score "
        f"by {move:.3f} (allowed: {SCORE_TOLERANCE})"
    )
    if move > SCORE_TOLERANCE:
        move = min(
            moved(cut_out(rows, at), cut_out(singly, at), cut_out(together, at), score)
            for at in range(len(rows))
        )
        message += f", and without one of them by {move:.3f}"
    if any(answer.probabilities for answer in singly):
        message += (
            f" and a label's probability by at most {gap:.3f} (allowed: {PROBABILITY_TOLERANCE})"
        )
    passed = move <= SCORE_TOLERANCE + 1e-9 and gap <= PROBABILITY_TOLERANCE + 1e-9
    return verdict(LAST_GUARD, strategy, passed, f"{message}.")


def moved(
    rows: Sequence[Example], singly: Sequence[Answer], together: Sequence[Answer], score: Score
) -> float:
    """By how much the mean score differs."""
    return abs(score(rows, singly) - score(rows, together)) if rows else 0.0


def cut_out(items: Sequence[Item], at: int) -> list[Item]:
    """All but one."""
    return [*items[:at], *items[at + 1 :]]


def affordable_rows(latencies: Sequence[LatencyRecord]) -> int:
    """Between one batch and BATCH_ROWS, as many as CHECK_SECONDS of single requests allow."""
    if not latencies:
        return BATCH_SIZE
    seconds = sum(record.ms for record in latencies) / len(latencies) / 1000
    return max(BATCH_SIZE, min(BATCH_ROWS, int(CHECK_SECONDS / max(seconds, 1e-9))))


def train_and_test_are_apart(dataset: Dataset) -> SentinelRecord:
    """Fires where a test row nearly repeats a training row, as `corpora.checks` tells it: nearly
    the same input with another output is no leak, but one question about many things."""
    material = Material(dataset.model_copy(update={"validation": ()}))
    rows, leaked = material.rows, dict.fromkeys(leaked_rows(material))
    message = "No test row nearly repeats a training row."
    if leaked:
        named = {
            second: f"{rows[first].id} and {rows[second].id}"
            for first, second in reversed(material.pairs)
            if first < material.seen and second in leaked
        }
        pairs = [named.get(number, rows[number].id) for number in leaked]
        message = (
            f"Test rows nearly repeat training rows: {shown(pairs)}."
            f" They count for no score ({len(leaked)} of {len(dataset.test)})."
        )
    ids = tuple(rows[number].id for number in leaked)
    return SentinelRecord(name=APART, passed=not leaked, message=message, examples=ids)


def probability_gap(one: Answer, other: Answer) -> float:
    """The largest difference of a label's probability; 0 where either has none."""
    if not one.probabilities or not other.probabilities:
        return 0.0
    labels = {*one.probabilities, *other.probabilities}
    return max(
        abs(one.probabilities.get(label, 0.0) - other.probabilities.get(label, 0.0))
        for label in labels
    )


def shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def verdict(name: str, strategy: str | None, passed: bool, message: str) -> SentinelRecord:
    return SentinelRecord(name=name, strategy=strategy, passed=passed, message=message)
