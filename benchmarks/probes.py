"""What a strategy does beyond its score, by further questions once its test rows are answered.

On validation rows and fixed prompts alone, outside of the strategy's cost. A probe that breaks
or does not apply leaves its reason; it never fails the strategy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from benchmarks.general_prompts import GENERAL_PROMPTS, INSTRUCTION
from benchmarks.guard import Broken, guarded
from benchmarks.json_metrics import field_f1, first_object
from benchmarks.judging import is_no_answer, judge
from benchmarks.metrics import tidy
from benchmarks.noise import CHANGES, changed
from benchmarks.probe_rows import affordable_rows, chosen_rows, requests_a_row
from benchmarks.records import ProbeRecord, Record
from benchmarks.sitting import Sitting
from benchmarks.standing import Standing, standing_of
from benchmarks.text_metrics import token_f1
from corpora.task import Example, Task
from strategies.base import Answer, Prepared
from strategies.models.base import Message, Prompt
from strategies.passage_index import PassageIndex
from strategies.wrong_passages import ReadsPassages, WrongIndex

CONSISTENCY, WRONG_CORPUS, FORGETTING = "consistency", "wrong corpus", "forgetting"
NO_ROWS = "There are no validation rows to ask."
READS_NOTHING = "It reads no documents, or none that can be exchanged."
NOT_TUNED = "It is not a tuned local model."


Values = dict[str, tuple[float | None, ...]]


class Weighs(Protocol):
    """A model that tells log-likelihoods of replies, in nats a token."""

    def likelihoods(self, prompt: Prompt, replies: Sequence[str]) -> list[float]: ...


@runtime_checkable
class BeforeAndAfter(Protocol):
    """A prepared strategy with its model as it was before tuning, and as it is now."""

    @property
    def base(self) -> Weighs: ...

    @property
    def tuned(self) -> Weighs: ...


@dataclass(frozen=True)
class Found:
    """What was asked, by ids, and lists of values of the same length."""

    examples: tuple[str, ...]
    values: Values


def unprobed(sitting: Sitting, before: Sequence[Record]) -> bool:
    """Whether a strategy that answers has probes left. One whose artefact is gone has none: it is
    not prepared again for them."""
    standing = standing_of(before, sitting.entry.id)
    ready = standing.setup is not None and standing.setup.status == "completed"
    left = MEASURES.keys() - standing.probed
    if not ready or standing.failure or not left:
        return False
    return sitting.shelf.find(sitting.entry.folder_name) is not None


def probe(sitting: Sitting, prepared: Prepared) -> None:
    """Measure what is left and store each probe as it is done. Raises Cancelled."""
    standing = standing_of(sitting.journal, sitting.entry.id)
    for place, (name, measure) in enumerate(MEASURES.items()):
        if name in standing.probed:
            continue
        sitting.poll()
        sitting.reporter.tell("probing", place / len(MEASURES), name)
        began = time.perf_counter()
        found: Found | str
        try:
            found = measure(sitting, prepared, standing)
        except Broken as broken:
            found = str(broken)
        seconds = time.perf_counter() - began
        told = (
            {"reason": found}
            if isinstance(found, str)
            else {"examples": found.examples, "values": found.values}
        )
        record = ProbeRecord(strategy=sitting.entry.id, probe=name, seconds=seconds)
        sitting.store(record.model_copy(update=told))


def consistency(sitting: Sitting, prepared: Prepared, standing: Standing) -> Found | str:
    """`score` of the rows as they are, and for each change `NAME kept`, how far the answer stayed
    what it was, and `NAME score`; None where there was nothing to change, or no first answer.
    """
    task = sitting.dataset.task
    rows = asked_rows(sitting, prepared, standing)
    if not rows:
        return NO_ROWS
    plain = dict(zip(rows, sitting.answers(prepared, [row.input for row in rows]), strict=True))
    values: Values = {"score": tuple(score_of(task, row, plain[row]) for row in rows)}
    for name in CHANGES:
        texts = {
            row: text
            for row in rows
            if plain[row].error is None
            and (text := changed(name, row.input, task.kind, seed=sitting.seed, row=row.id))
        }
        answers = sitting.answers(prepared, [*texts.values()]) if texts else []
        given = dict(zip(texts, answers, strict=True))
        values[f"{name} kept"] = tuple(
            kept(task, plain[row], given[row]) if row in given else None for row in rows
        )
        values[f"{name} score"] = tuple(
            score_of(task, row, given[row]) if row in given else None for row in rows
        )
    return Found(tuple(row.id for row in rows), values)


def wrong_corpus(sitting: Sitting, prepared: Prepared, standing: Standing) -> Found | str:
    """`score` of the rows beside irrelevant passages, and `declined` where the task has a
    `no_answer`."""
    if not isinstance(prepared, ReadsPassages):
        return READS_NOTHING
    task = sitting.dataset.task
    rows = asked_rows(sitting, prepared, standing)
    right = {row.input: row.sources or () for row in rows}

    def wrong(index: PassageIndex) -> PassageIndex:
        return WrongIndex.around(index, right, sitting.seed)

    misled = guarded(lambda: prepared.with_index(wrong), sitting.folder)
    if misled is None or not rows:
        return READS_NOTHING if misled is None else NO_ROWS
    answers = sitting.answers(misled, [row.input for row in rows])
    pairs = list(zip(rows, answers, strict=True))
    values: Values = {"score": tuple(score_of(task, row, answer) for row, answer in pairs)}
    if task.no_answer is not None:
        values["declined"] = tuple(
            None if answer.error else float(bool(is_no_answer(task, answer.text)))
            for answer in answers
        )
    return Found(tuple(row.id for row in rows), values)


def forgetting(sitting: Sitting, prepared: Prepared, standing: Standing) -> Found | str:
    """`right before`, `wrong before`, `right after` and `wrong after`: nats a token of the right
    and of a wrong answer to general questions, without the adapter and with it."""
    if not isinstance(prepared, BeforeAndAfter):
        return NOT_TUNED
    values: Values = {}
    for when, model in (("before", prepared.base), ("after", prepared.tuned)):
        told = guarded(partial(general_likelihoods, model), sitting.folder)
        values[f"right {when}"] = tuple(right for right, _ in told)
        values[f"wrong {when}"] = tuple(wrong for _, wrong in told)
    return Found(tuple(each.id for each in GENERAL_PROMPTS), values)


Measure = Callable[[Sitting, Prepared, Standing], Found | str]
MEASURES: dict[str, Measure] = {
    CONSISTENCY: consistency,
    WRONG_CORPUS: wrong_corpus,
    FORGETTING: forgetting,
}


def general_likelihoods(model: Weighs) -> list[tuple[float, float]]:
    """Of the right and the wrong answer to each general question."""
    found = []
    for each in GENERAL_PROMPTS:
        asked = Prompt((Message("system", INSTRUCTION), Message("user", each.question)))
        right, wrong = model.likelihoods(asked, (each.right, each.wrong))
        found.append((right, wrong))
    return found


def asked_rows(sitting: Sitting, prepared: Prepared, standing: Standing) -> list[Example]:
    """As many validation rows as a tenth of the strategy's own seconds allows."""
    assert standing.setup is not None
    batches, singles = standing.batches, standing.latencies
    answering = sum(batch.seconds for batch in batches)
    alone = sum(one.ms for one in singles) / 1000
    counts = sum(batch.n for batch in batches)
    each = answering / counts if counts else alone / max(1, len(singles))
    requests = requests_a_row(reads_documents=isinstance(prepared, ReadsPassages))
    count = affordable_rows(standing.setup.seconds + answering + alone, each, requests)
    return chosen_rows(sitting.dataset.validation, count, sitting.seed)


def score_of(task: Task, row: Example, answer: Answer) -> float:
    """The row's score by the task's metric; an answer in error scores 0, as it does in a search."""
    return judge("validation", task, row, answer).scores.get(task.metric, 0.0)


def kept(task: Task, before: Answer, after: Answer) -> float:
    """How far an answer is what it was: the same label, field-F1 of objects, token-F1 of texts."""
    if after.error is not None:
        return 0.0
    if task.kind == "classification":
        return float(tidy(before.text) == tidy(after.text))
    if task.kind == "extraction" and (first := first_object(before.text)) is not None:
        return field_f1(first_object(after.text), first, None)
    return token_f1(after.text, before.text)
