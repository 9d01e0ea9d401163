"""Nothing is spent on hosted models over HTTP before somebody agrees to what it will cost."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from service.errors import CostNotAccepted
from strategies.models.hosted import hosted_models

if TYPE_CHECKING:
    from benchmarks.costs import PriceList
    from corpora.task import Dataset
    from service.forecasting.planning import ForecastPlan

ROUNDING = 1e-9


def check_order(spec: Mapping[str, Any], options: Mapping[str, Any]) -> float:
    """What hosted models are quoted at for a comparison, in US dollars.

    Refused where that is more than its options accept. Free where the task names no hosted model.
    Else the data are read and split for the quote, which takes seconds where they are large.
    Raises CostNotAccepted, and what reading and quoting raise.
    """
    if not names_hosted(spec):
        return 0.0
    from benchmarks.costs import read_prices  # what measures is loaded where it is needed
    from service.specs import dataset_from

    dataset = dataset_from(
        spec,
        seed=options["seed"],
        limit=options["limit"],
        train_limit=options["train_limit"],
    )
    return check_cost(
        dataset,
        options["strategies"],
        options["accept_cost_usd"],
        read_prices(None),
        race=bool(options.get("race")),
        at_most=options.get("spend_at_most_usd"),
    )


def check_forecast_order(spec: Mapping[str, Any], options: Mapping[str, Any]) -> float:
    """The same of a forecast: refused where its budget allows more than its options accept."""
    if not names_hosted(spec):
        return 0.0
    from benchmarks.costs import read_prices  # what measures is loaded where it is needed
    from service.forecasting.planning import plan_forecast
    from service.specs import dataset_from

    dataset = dataset_from(
        spec,
        seed=options["seed"],
        limit=options["limit"],
        train_limit=options["train_limit"],
    )
    planned = plan_forecast(
        dataset,
        strategies=options["strategies"],
        prices=read_prices(None),
        seed=options["seed"],
        budget_seconds=options["budget_seconds"],
        budget_usd=options["budget_usd"],
        spend_at_most=options.get("spend_at_most_usd"),
    )
    check_forecast_cost(planned, options["accept_cost_usd"], options.get("spend_at_most_usd"))
    return planned.paid_usd


def check_forecast_cost(
    planned: "ForecastPlan", accepted: float | None, at_most: float | None = None
) -> None:
    """Raises CostNotAccepted where hosted models may be paid more than `accepted` dollars, which is
    `at_most`, the limit, where nothing else is said."""
    if not is_agreed(planned.paid_usd, accepted, at_most):
        purse = planned.purse
        quote = {"paid_usd": planned.paid_usd, "seconds": purse.seconds, "usd": purse.usd}
        raise CostNotAccepted(planned.paid_usd, accepted, quote, "forecast")


def is_agreed(expected: float, accepted: float | None, at_most: float | None) -> bool:
    """Whether somebody agreed to what will be spent: no more than is expected, nor than the limit.

    Who sets a limit and says nothing else agrees to spend so much.
    """
    if at_most is not None:
        expected = min(expected, at_most)
        accepted = at_most if accepted is None else accepted
    return expected <= (accepted or 0.0) + ROUNDING


def names_hosted(spec: Mapping[str, Any]) -> bool:
    """Whether the task names a model that is paid by the token."""
    named = spec.get("model") or []
    return bool({*([named] if isinstance(named, str) else named)} & {*hosted_models()})


def check_cost(
    dataset: "Dataset",
    strategies: list[str] | None,
    accepted: float | None,
    prices: "PriceList",
    *,
    race: bool = False,
    at_most: float | None = None,
) -> float:
    """What hosted models are quoted at; raises CostNotAccepted where that is more than `accepted`
    dollars, which is `at_most`, the limit, where nothing else is said."""
    from service.comparing import plan

    found = plan(dataset, strategies=strategies, prices=prices, race=race)
    if not is_agreed(found.paid_usd, accepted, at_most):
        quote = {**found.quote.model_dump(mode="json"), "paid_usd": found.paid_usd}
        raise CostNotAccepted(found.paid_usd, accepted, quote)
    return found.paid_usd
