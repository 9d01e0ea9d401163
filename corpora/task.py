"""The words every other room uses: task, example, document, data set."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["classification", "extraction", "question-answering", "generation"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Split = Literal["train", "validation", "test"]
ChangePace = Literal["never", "monthly", "weekly", "daily"]

DEFAULT_METRIC: dict[Kind, str] = {
    "classification": "accuracy",
    "extraction": "field_f1",
    "question-answering": "token_f1",
    "generation": "rouge_l",
}
DEFAULT_MODEL = "smollm2-135m-q4"


class Frozen(BaseModel):
    """Base of all data passed between rooms: made once, never changed, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Example(Frozen):
    """One labelled row.

    `sources` are ids of the documents that hold the answer: None where nobody said, an empty
    tuple where no document holds it. `alternatives` are further accepted outputs. Rows that
    share a `group` always land in the same split.
    """

    id: str = Field(min_length=1)
    input: str = Field(min_length=1)
    output: str
    split: Split | None = None
    group: str | None = None
    sources: tuple[str, ...] | None = None
    alternatives: tuple[str, ...] = ()


RULE_CHECKS = ("forbid", "require", "max_words", "max_sentence_words", "max_sentences")


class Rule(Frozen):
    """One rule of style; exactly one of its checks is set (see `corpora.style_rules`).

    `forbid` and `require` are regular expressions, searched for anywhere in the text.
    """

    name: str = Field(min_length=1, max_length=100)
    forbid: str | None = Field(default=None, min_length=1, max_length=1000)
    require: str | None = Field(default=None, min_length=1, max_length=1000)
    max_words: int | None = Field(default=None, ge=1)
    max_sentence_words: int | None = Field(default=None, ge=1)
    max_sentences: int | None = Field(default=None, ge=1)


class Document(Frozen):
    """One text of the knowledge base."""

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    title: str | None = None


class Needs(Frozen):
    """What the user requires; every one optional except the margin and the horizon."""

    quality_at_least: float | None = Field(default=None, ge=0, le=1)
    latency_p95_ms: float | None = Field(default=None, gt=0)
    cost_per_1k_requests: float | None = Field(default=None, ge=0)
    requests_per_month: float | None = Field(default=None, ge=0)
    horizon_months: float = Field(default=12, gt=0)
    documents_change: ChangePace = "never"
    practical_margin: float = Field(default=0.02, ge=0, le=1)


class Search(Frozen):
    """What each family may spend on choosing its settings, on the validation split alone.

    At most `trials` settings are tried, and after `seconds` no further one. The first, the
    family's default, is always tried.
    """

    trials: int = Field(default=8, ge=1)
    seconds: float = Field(default=180, gt=0)


class Task(Frozen):
    """What is to be done, without any row of data: safe to hand to every strategy."""

    name: str = Field(min_length=1)
    kind: Kind
    instruction: str = Field(min_length=1)
    labels: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None
    rules: tuple[Rule, ...] = ()
    metric: str
    models: tuple[str, ...] = (DEFAULT_MODEL,)
    strategies: tuple[str, ...] | None = None
    no_answer: str | None = None
    needs: Needs = Needs()
    search: Search = Search()
    reranker: str | None = None
    learning_curve: bool = False


class IncumbentAnswer(Frozen):
    """What the system that runs today answered to the example `id`.

    `cost_usd` of that request and its `latency_ms` are what the user states, None where nothing
    is stated: nobody measures them here.
    """

    id: str = Field(min_length=1)
    output: str
    cost_usd: float | None = Field(default=None, ge=0)
    latency_ms: float | None = Field(default=None, ge=0)


class Incumbent(Frozen):
    """What runs today: its answers to test rows, in their order.

    `source` is how the user calls the rows (a file's name); `unknown` are ids in it that no
    example has.
    """

    source: str
    answers: tuple[IncumbentAnswer, ...]
    unknown: tuple[str, ...] = ()


class Dataset(Frozen):
    """A task with its rows, already split. Only the runner sees `test` and `incumbent`, whose
    answers are data about the test rows.
    """

    task: Task
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    documents: tuple[Document, ...] = ()
    incumbent: Incumbent | None = None


class Check(Frozen):
    """One finding about the data: how bad, what, and up to five ids that show it."""

    check: str
    severity: Literal["error", "warning", "info"]
    message: str
    examples: tuple[str, ...] = ()
