"""From prompts to answers: fit each into the model's context, then choose or generate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from corpora.task import Example, Task
from strategies.base import Answer
from strategies.models.base import Choice, Generation, Model, Prompt
from strategies.prompting import Passage, Shot, build_prompt, completion_limit


@dataclass(frozen=True)
class Fitted:
    """A prompt that fits the model, with the passages still in it; or why none does."""

    prompt: Prompt | None
    passages: tuple[Passage, ...] = ()
    error: str | None = None


def answer_limit(task: Task, model: Model, train: Sequence[Example]) -> int:
    """The tokens to keep for an answer: of all labels, which a model may weigh side by side in
    one context, or by the training outputs."""
    if task.kind == "classification" and task.labels:
        return sum(model.count_tokens(label) + 4 for label in task.labels)
    lengths = [model.count_tokens(example.output) for example in train]
    return completion_limit(lengths, whole=task.kind == "extraction")


def fit_prompt(
    task: Task,
    model: Model,
    text: str,
    *,
    shots: Sequence[Shot] = (),
    passages: Sequence[Passage] = (),
    form: str = "",
    max_new_tokens: int,
    shots_are_fixed: bool = True,
    best_last: bool = True,
) -> Fitted:
    """The fullest prompt that leaves room for the answer.

    Given up in this order: worked examples from the first on, passages from the last on, the
    end of the best passage, that passage. An input that alone is too long gives an error.
    """
    room = model.context_length - max_new_tokens

    def built(some: Sequence[Shot], of: Sequence[Passage]) -> Prompt:
        prompt = build_prompt(
            task,
            text,
            shots=some,
            passages=of,
            form=form,
            shots_are_fixed=shots_are_fixed,
            best_last=best_last,
        )
        # what every request shares is no longer at the head of this one
        return prompt if len(some) == len(shots) else replace(prompt, shared=0)

    def size(prompt: Prompt) -> int:
        return model.count_tokens(model.render(prompt))

    full = built(shots, passages)
    if size(full) <= room:
        return Fitted(full, tuple(passages))
    alone = built((), ())
    if (tokens := size(alone)) > room:
        return Fitted(
            None,
            error=f"The input and the instruction take {tokens} tokens; the model reads "
            f"{model.context_length}, of which {max_new_tokens} are kept for the answer.",
        )
    for some, of in _reductions(shots, passages):
        prompt = built(some, of)
        if size(prompt) <= room:
            return Fitted(prompt, tuple(of))
    if passages:
        cut = _longest_start(passages[0], lambda part: size(built((), (part,))) <= room)
        if cut is not None:
            return Fitted(built((), (cut,)), (cut,))
    return Fitted(alone)


def answer_prompts(
    task: Task, model: Model, prompts: Sequence[Prompt], *, max_new_tokens: int
) -> list[Answer]:
    """One answer a prompt, in order: a choice among the labels, or a generated text."""
    if not prompts:
        return []
    if task.kind == "classification" and task.labels:
        return [_chosen(choice) for choice in model.choose(prompts, task.labels)]
    generations = model.generate(prompts, max_new_tokens=max_new_tokens)
    return [_generated(task, generation) for generation in generations]


def answer_fitted(
    task: Task, model: Model, fitted: Sequence[Fitted], *, max_new_tokens: int
) -> list[Answer]:
    """Answers to what fits, errors for what does not, in order; sources are the passages'."""
    prompts = [each.prompt for each in fitted if each.prompt is not None]
    answers = iter(answer_prompts(task, model, prompts, max_new_tokens=max_new_tokens))
    return [
        Answer("", error=each.error)
        if each.prompt is None
        else replace(next(answers), sources=distinct_documents(each.passages))
        for each in fitted
    ]


def distinct_documents(passages: Sequence[Passage]) -> tuple[str, ...]:
    """Ids of the passages' documents, each once, best first."""
    return tuple(dict.fromkeys(passage.document for passage in passages))


def _chosen(choice: Choice) -> Answer:
    if choice.error is not None:
        return Answer("", usage=choice.usage, error=choice.error)
    return Answer(choice.best, usage=choice.usage, probabilities=choice.probabilities)


def _generated(task: Task, generation: Generation) -> Answer:
    if generation.error is not None:
        return Answer("", usage=generation.usage, error=generation.error)
    text = generation.text.strip()
    return Answer(first_object(text) if task.kind == "extraction" else text, generation.usage)


def first_object(text: str) -> str:
    """The first JSON object in a text that wraps it in words; the text itself if none is whole."""
    start = text.find("{")
    if start < 0:
        return text
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (json.JSONDecodeError, RecursionError):
        return text
    return text[start:end]


def _reductions(
    shots: Sequence[Shot], passages: Sequence[Passage]
) -> Iterator[tuple[Sequence[Shot], Sequence[Passage]]]:
    for dropped in range(1, len(shots) + 1):
        yield shots[dropped:], passages
    for kept in range(len(passages) - 1, 0, -1):
        yield (), passages[:kept]


def _longest_start(passage: Passage, fits: Callable[[Passage], bool]) -> Passage | None:
    """The passage cut after as many words as fit, by bisection; None where not one does."""
    words = passage.text.split(" ")
    low, high = 0, len(words) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if fits(replace(passage, text=" ".join(words[:middle]))):
            low = middle
        else:
            high = middle - 1
    return replace(passage, text=" ".join(words[:low])) if low else None
