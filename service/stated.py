"""What a task states of costs, held against names that only the registries and prices know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from benchmarks.costs import PriceList
from corpora.errors import InvalidInput
from corpora.invalid import did_you_mean
from corpora.task import Deployment, Needs
from strategies.base import Family
from strategies.registry import strategy_names

FAMILIES = (*(family for family in get_args(Family) if family != "unknown"), "incumbent")


def check_stated(needs: Needs, deployment: Deployment | None, prices: PriceList) -> None:
    """Raise InvalidInput for hours of something unknown, or a machine without a price."""
    check_hours(needs)
    if deployment is not None and deployment.machine is not None:
        prices.host(deployment.machine)


def check_hours(needs: Needs, ids: Iterable[str] = ()) -> None:
    """Raise InvalidInput for a name that is no family, strategy or row of the comparison."""
    here = {*FAMILIES, *ids}
    for name in needs.engineer_hours_per_month:
        if name in here or name.partition("@")[0] in strategy_names():
            continue
        near = did_you_mean(name, [*here, *strategy_names()])
        fix = f"No family or strategy has that name{near}. Families: {', '.join(FAMILIES)}."
        raise InvalidInput("needs.engineer_hours_per_month", name, fix)
