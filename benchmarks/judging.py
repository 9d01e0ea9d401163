"""From an answer to its record: scored, or counted as an error, never both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.grounding import SourceTexts
from benchmarks.metrics import aggregate, label_of, references, score_row
from benchmarks.records import OutcomeRecord
from benchmarks.text_metrics import exact_match
from corpora.task import Example, Task
from strategies.base import Answer, Score


def judge(
    strategy: str,
    task: Task,
    example: Example,
    answer: Answer,
    texts: SourceTexts | None = None,
) -> OutcomeRecord:
    """What is stored of one test example. An answer in state error keeps its reason only.

    With `texts`, whether the words of a text stand in the documents that it cites.
    """
    sources = tuple(dict.fromkeys(answer.sources))
    ok = answer.error is None
    is_choice = task.kind == "classification"
    declined = is_no_answer(task, answer.text) if ok else None
    is_text = ok and task.kind in ("question-answering", "generation") and not declined
    return OutcomeRecord(
        strategy=strategy,
        example=example.id,
        group=example.group,
        state="ok" if ok else "error",
        error=answer.error,
        scores=score_row(task, example, answer.text) if ok else {},
        predicted=label_of(answer.text, task.labels) if ok and is_choice else None,
        expected=example.output if is_choice else None,
        confidence=confidence(answer),
        rank=rank_of(example.sources, sources) if ok else None,
        retrieved=len(sources),
        sources=sources,
        prompt_tokens=answer.usage.prompt,
        cached_tokens=answer.usage.cached,
        completion_tokens=answer.usage.completion,
        grounded=texts.supported(answer.text, sources) if texts and is_text else None,
        declined=declined,
        answerable=is_answerable(task, example),
        text=answer.text if ok else None,
        input=example.input,
        reference=example.output,
        alternatives=example.alternatives,
    )


def is_no_answer(task: Task, text: str) -> bool | None:
    """Whether a text says that the answer is not known; None in a task without such an output."""
    return None if task.no_answer is None else bool(exact_match(text, task.no_answer))


def is_answerable(task: Task, example: Example) -> bool | None:
    """Whether every right output is an answer; None in a task without a `no_answer`."""
    if task.no_answer is None:
        return None
    return not any(is_no_answer(task, text) for text in references(example))


def confidence(answer: Answer) -> float | None:
    """The probability of the chosen label, where the strategy gave probabilities."""
    if not answer.probabilities:
        return None
    return float(answer.probabilities.get(answer.text, max(answer.probabilities.values())))


def rank_of(right: Sequence[str] | None, retrieved: Sequence[str]) -> int | None:
    """The place of the first right document, 0 where none is, None where none could be."""
    if not right:
        return None
    places = [place for place, source in enumerate(retrieved, start=1) if source in right]
    return places[0] if places else 0


def scorer(task: Task) -> Score:
    """The task's own metric over examples and answers, for choices on the validation split.

    An answer in error counts 0 here: a setting that breaks is a bad setting.
    """

    def score(examples: Sequence[Example], answers: Sequence[Answer]) -> float:
        rows = [
            row if row.state == "ok" else replace(row, scores={task.metric: 0.0})
            for row in (
                judge("validation", task, example, answer)
                for example, answer in zip(examples, answers, strict=True)
            )
        ]
        return aggregate(task.metric, rows, task.labels)

    return score
