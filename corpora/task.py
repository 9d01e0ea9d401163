"""The words every other room uses: task, example, document, data set."""

from __future__ import annotations

from datetime import date
from operator import not_
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

Kind = Literal["classification", "extraction", "question-answering", "generation"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Split = Literal["train", "validation", "test"]
ChangePace = Literal["never", "monthly", "weekly", "daily"]
BehaviourPace = Literal["never", "yearly", "quarterly", "monthly"]

DEFAULT_METRIC: dict[Kind, str] = {
    "classification": "accuracy",
    "extraction": "field_f1",
    "question-answering": "token_f1",
    "generation": "rouge_l",
}
DEFAULT_MODEL = "smollm2-135m-q4"
DEAREST = 1e9
"""No price is higher, in US dollars: every bill stays a number that can be told."""


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


def _day(value: object) -> object:
    """YAML reads a bare date as one, JSON has it as text; it is kept as the text."""
    if isinstance(value, date):
        return date(value.year, value.month, value.day).isoformat()
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise PydanticCustomError("day", "Give a day as year-month-day: 2027-06-30.") from None


def is_none(value: object) -> bool:
    """Left out where nothing is stated, so that what was written before reads the same."""
    return value is None


def is_never(value: object) -> bool:
    return value == "never"


class Needs(Frozen):
    """What the user requires and what they say of their costs; every one optional.

    `behaviour_changes` is how often other outputs are wanted: what learned from examples is then
    prepared anew, and `relabel_share` of its examples are labelled anew. `retrain_on_documents`:
    a strategy trained on passages is trained anew when documents change. A `label_usd` of 0
    means that it is not stated. `engineer_hours_per_month` is by strategy (id or name) or
    family. `model_retires` is the day from which the base model is gone, as ISO 8601.
    """

    quality_at_least: float | None = Field(default=None, ge=0, le=1)
    latency_p95_ms: float | None = Field(default=None, gt=0)
    cost_per_1k_requests: float | None = Field(default=None, ge=0)
    requests_per_month: float | None = Field(default=None, ge=0, le=1e12)
    horizon_months: float = Field(default=12, gt=0, le=1200)
    documents_change: ChangePace = "never"
    practical_margin: float = Field(default=0.02, ge=0, le=1)
    behaviour_changes: BehaviourPace = Field(default="never", exclude_if=is_never)
    retrain_on_documents: bool = Field(default=False, exclude_if=not_)
    label_usd: float = Field(default=0.0, ge=0, le=DEAREST, exclude_if=not_)
    relabel_share: float = Field(default=0.0, ge=0, le=1, exclude_if=not_)
    engineer_usd_per_hour: float | None = Field(default=None, ge=0, le=DEAREST, exclude_if=is_none)
    engineer_hours_per_month: dict[str, Annotated[float, Field(ge=0, le=1e6)]] = Field(
        default_factory=dict, exclude_if=not_
    )
    model_retires: Annotated[str, BeforeValidator(_day)] | None = Field(
        default=None, exclude_if=is_none
    )


class Deployment(Frozen):
    """How a local strategy would be served; every field optional.

    `machine` is a name of the price list, the measured one where it is left out. `replicas` is
    the fewest that run; the peak may take more. `batch_share` is the share of a hosted model's
    requests that can wait for its batch interface.
    """

    machine: str | None = Field(default=None, min_length=1)
    replicas: int = Field(default=1, ge=1, le=10_000)
    hours_per_day: float = Field(default=24.0, ge=0.01, le=24)
    peak_requests_per_second: float | None = Field(default=None, gt=0, le=100_000)
    batch_share: float = Field(default=0.0, ge=0, le=1, exclude_if=not_)


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
    deployment: Deployment | None = None
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
