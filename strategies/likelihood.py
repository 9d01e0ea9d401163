"""How likely a model finds right answers: they are read, not generated, for about a prefill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from corpora.task import Example, Task
from strategies.prompting import Passage, Shot
from strategies.tuned import Template, TrainingRow

if TYPE_CHECKING:
    from strategies.models.local import LocalModel


@dataclass(frozen=True)
class Likelihood:
    """What a model thinks of the right answers of some rows; every mapping is by row id.

    `nats` are those of the whole right reply, `lengths` its tokens. For classification also
    `shares`, the probability of the right label among all labels, and `likeliest`, the label with
    the most; both are empty for other kinds. Rows whose prompt and reply do not fit the model
    are `left_out`. `tokens` were read, `operations` are the floating-point ones that took.
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
    raise NotImplementedError


def likelihood_of(task: Task, model: LocalModel, asked: Sequence[TrainingRow]) -> Likelihood:
    """Read the right replies after their prompts.

    Costs about one prefill of the prompts: a prefix that they share is computed once and kept
    with the model, nothing is generated. For classification every label is weighed in the same
    pass, which adds the tokens behind the first one of each label to every row.
    `model` may be one in training. Raises ModelError where it has no weights here.
    """
    raise NotImplementedError
