"""How likely a model finds right answers: they are read, not generated, for about a prefill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from statistics import fmean
from typing import TYPE_CHECKING

from corpora.task import Example, Task
from strategies.answering import answer_limit, fit_prompt
from strategies.operations import sizes_of
from strategies.prompting import Passage, Shot
from strategies.tuned import Template, TrainingRow, asked_task

if TYPE_CHECKING:
    from strategies.models.layout import Encoded
    from strategies.models.local import LocalModel


@dataclass(frozen=True)
class Likelihood:
    """What a model thinks of the right answers of some rows; every mapping is by row id.

    `nats` are those of the whole right reply, `lengths` its tokens. For classification also
    `shares`, the probability of the right label among all labels, `likeliest`, the label with the
    most, and `right`, 1 where that is the right one; empty for other kinds. Rows whose prompt and
    reply do not fit the model are `left_out`. `tokens` were read, by about so many `operations`.

    The reply of a text ends with its end of turn. A label has none unless one label begins with
    another, as where labels are weighed for an answer.
    """

    nats: Mapping[str, float]
    lengths: Mapping[str, int]
    shares: Mapping[str, float] = field(default_factory=dict)
    likeliest: Mapping[str, str] = field(default_factory=dict)
    right: Mapping[str, float] = field(default_factory=dict)
    left_out: int = 0
    tokens: int = 0
    operations: float = 0.0

    @property
    def nll(self) -> float | None:
        """Nats a token of the right reply, over all tokens of all rows; None without rows."""
        return sum(self.nats.values()) / sum(self.lengths.values()) if self.nats else None

    @property
    def accuracy(self) -> float | None:
        """Share of the rows whose likeliest label is the right one; None where none was chosen."""
        return fmean(self.right.values()) if self.right else None

    @property
    def share(self) -> float | None:
        """Mean probability of the right label; None where none was chosen."""
        return fmean(self.shares.values()) if self.shares else None


def asked_rows(
    task: Task,
    model: LocalModel,
    train: Sequence[Example],
    rows: Sequence[Example],
    *,
    shots: Sequence[Shot] = (),
    passages: Sequence[Sequence[Passage]] | None = None,
    form: str = "",
    template: Template = "task",
) -> list[TrainingRow]:
    """Rows as the prompts that strategies ask, with their right replies.

    Nothing more: `prompt.zero-shot`. With `shots` and `form`: `prompt.few-shot`, the examples
    computed once for all rows. `passages`, those of each row, best first: RAG. Room for an answer
    is kept by `train`, as strategies keep it; a row whose input alone is too long is left out.
    """
    limit = answer_limit(task, model, train)
    asked = asked_task(task, template)
    found = passages if passages is not None else [()] * len(rows)
    fitted = [
        fit_prompt(
            asked, model, row.input, shots=shots, passages=some, form=form, max_new_tokens=limit
        )
        for row, some in zip(rows, found, strict=True)
    ]
    return [
        TrainingRow(each.prompt, row.output, row.id)
        for each, row in zip(fitted, rows, strict=True)
        if each.prompt is not None
    ]


def likelihood_of(task: Task, model: LocalModel, asked: Sequence[TrainingRow]) -> Likelihood:
    """Read the right replies after their prompts.

    Costs about one prefill of the prompts: a prefix that they share is computed once and kept
    with the model, nothing is generated. For classification the labels that can be the likeliest
    are weighed behind each prompt: all of them up to 16, and where there are more, enough to know
    the likeliest for certain, so that `shares` are among those.
    `model` may be one in training.
    """
    encoded = [model.encode(row.prompt) for row in asked]
    if task.kind == "classification" and task.labels:
        return _of_labels(task.labels, model, asked, encoded)
    return _of_texts(model, asked, encoded)


def _of_texts(
    model: LocalModel, asked: Sequence[TrainingRow], encoded: Sequence[Encoded]
) -> Likelihood:
    from strategies.models.given import reply_nats

    replies = [model.chat.encode_reply(row.reply) for row in asked]
    fits = _fitting(model, encoded, [len(reply) for reply in replies])
    some, wanted = [encoded[place] for place in fits], [replies[place] for place in fits]
    found = dict(reply_nats(model, some, wanted))
    nats: dict[str, float] = {}
    lengths: dict[str, int] = {}
    for place, reply in enumerate(wanted):
        value, name = found[place], asked[fits[place]].example
        if value is not None:
            nats[name], lengths[name] = value, len(reply)
    read = [len(reply) - 1 for reply in wanted]
    tokens, operations = work_of(model, some, read, sum(map(len, wanted)))
    return Likelihood(
        nats, lengths, left_out=len(asked) - len(nats), tokens=tokens, operations=operations
    )


def _of_labels(
    labels: Sequence[str],
    model: LocalModel,
    asked: Sequence[TrainingRow],
    encoded: Sequence[Encoded],
) -> Likelihood:
    from strategies.models.narrowing import likeliest

    continuations = model.chat.encode_choices(labels)
    fits = _fitting(model, encoded, [max(map(len, continuations))] * len(asked))
    some = [encoded[place] for place in fits]
    numbers = {label: number for number, label in enumerate(labels)}
    wanted = [numbers.get(asked[place].reply) for place in fits]
    nats: dict[str, float] = {}
    lengths: dict[str, int] = {}
    shares: dict[str, float] = {}
    best: dict[str, str] = {}
    read = [0] * len(some)
    found = dict(likeliest(model, some, continuations, wanted))
    for place, right in enumerate(wanted):
        one, name = found[place], asked[fits[place]].example
        if one is None:
            continue
        highest = max(one.totals, key=lambda label: (one.totals[label], -label))
        odds = {label: exp(total - one.totals[highest]) for label, total in one.totals.items()}
        best[name], read[place] = labels[highest], one.tokens
        shares[name] = odds[right] / sum(odds.values()) if right is not None else 0.0
        if right is not None:
            nats[name], lengths[name] = -one.totals[right], len(continuations[right])
    tokens, operations = work_of(model, some, read, len(some) + sum(read))
    truth = {row.example: row.reply for row in asked}
    return Likelihood(
        nats,
        lengths,
        shares,
        best,
        {name: float(label == truth[name]) for name, label in best.items()},
        len(asked) - len(best),
        tokens,
        operations,
    )


def _fitting(model: LocalModel, encoded: Sequence[Encoded], more: Sequence[int]) -> list[int]:
    """Places of the prompts that fit the model with so many tokens more."""
    return [
        place
        for place, (each, tokens) in enumerate(zip(encoded, more, strict=True))
        if len(each.ids) + tokens <= model.context_length
    ]


def work_of(
    model: LocalModel, rows: Sequence[Encoded], more: Sequence[int], predicted: int
) -> tuple[int, float]:
    """Tokens that are read and operations that takes: each prefix once, then each row's own tokens
    and so many `more`, of which so many in all have their followers `predicted`."""
    parts = [(0, len(prefix)) for prefix in {row.prefix for row in rows}]
    parts += [(row.shared, len(row.own) + tokens) for row, tokens in zip(rows, more, strict=True)]
    operations = sizes_of(model.network).read(parts, predicted)
    return sum(tokens for _, tokens in parts), operations
