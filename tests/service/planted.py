"""Hand-made results for tests: strategies with stated scores, and the pairs they imply."""

from math import sqrt

from example_run import example_records

from benchmarks.records import RunRecord, TaskFacts
from benchmarks.results import (
    BreakEven,
    Comparison,
    Cost,
    Latency,
    Quality,
    StrategyResult,
    Summary,
    Tokens,
)
from corpora.task import Needs
from service.planted.worlds import family_of
from service.report import Report, report_of

TRIAGE = TaskFacts(
    name="banking77-10",
    kind="classification",
    metric="accuracy",
    labels=tuple("abcdefghij"),
    n_train=200,
    n_validation=40,
    n_test=150,
    n_documents=0,
)
QUESTIONS = TaskFacts(
    name="xquad",
    kind="question-answering",
    metric="token_f1",
    n_train=300,
    n_validation=60,
    n_test=60,
    n_documents=48,
)


def strategy(
    name: str,
    value: float,
    reach: float,
    *,
    n: int = 150,
    errors: int = 0,
    metric: str = "accuracy",
    setup: float = 0.0,
    per_1k: float = 0.01,
    p95: float = 100.0,
    volume: float | None = 10_000,
    p_best: float | None = None,
    extra: dict[str, float] | None = None,
    **more: object,
) -> StrategyResult:
    """A completed strategy with quality `value` ± `reach`, billed over twelve months."""
    month = None if volume is None else per_1k * volume / 1000
    head = name.split("@")[0]
    return StrategyResult(
        id=name,
        name=head,
        model=None if head.startswith("baseline") else "smollm2-135m-q4",
        family=family_of(head),
        status="completed",
        quality=Quality(
            metric=metric,
            value=value,
            low=max(0.0, value - reach),
            high=min(1.0, value + reach),
            n=n,
            errors=errors,
            extra=extra or {},
        ),
        cost=Cost(
            setup_seconds=setup * 3600,
            setup_usd=setup,
            per_1k_requests_usd=per_1k,
            monthly_usd=month,
            horizon_usd=None if month is None else setup + 12 * month,
        ),
        tokens=Tokens(prompt_per_request=80, cached_per_request=40, completion_per_request=4),
        latency_ms=Latency(p50=p95 * 0.6, p95=p95, n=60),
        throughput_per_s=8.0,
        p_best=p_best,
        **more,
    )


def absent(name: str, status: str, reason: str) -> StrategyResult:
    """A strategy without measurements."""
    head = name.split("@")[0]
    family = family_of(head)
    model = None if family == "baseline" else "smollm2-135m-q4"
    return StrategyResult(
        id=name, name=head, model=model, family=family, status=status, reason=reason
    )


def summary_of(
    *strategies: StrategyResult, pairing: float = 0.5, break_even: tuple[BreakEven, ...] = ()
) -> Summary:
    """A summary whose paired intervals follow from the single ones, correlated by `pairing`."""
    done = [row for row in strategies if row.quality is not None]
    pairs = [(a, b) for i, a in enumerate(done) for b in done[i + 1 :]]
    return Summary(
        strategies=strategies,
        comparisons=tuple(compared(a, b, pairing) for a, b in pairs),
        break_even=break_even,
        disagreements=(),
        detectable_difference=0.1,
        seconds=321.0,
        spent_usd=0.02,
    )


def compared(a: StrategyResult, b: StrategyResult, pairing: float) -> Comparison:
    assert a.quality is not None
    assert b.quality is not None
    one, two = ((q.high - q.low) / 2 for q in (a.quality, b.quality))
    reach = sqrt(one**2 + two**2 - 2 * pairing * one * two)
    value = a.quality.value - b.quality.value
    return Comparison(
        a=a.id,
        b=b.id,
        difference=value,
        low=value - reach,
        high=value + reach,
        p_value=0.5,
        n=min(a.quality.n, b.quality.n),
    )


def reported(summary: Summary, needs: Needs | None = None) -> Report:
    """The report of a summary, as if it were measured on questions."""
    records = example_records(needs or Needs())
    run = next(record for record in records if isinstance(record, RunRecord))
    return report_of(run.model_copy(update={"task": QUESTIONS}), summary)
