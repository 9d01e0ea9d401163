"""Hours of people's work are stated by strategy or family: are those names known?"""

from __future__ import annotations

from collections.abc import Iterable

from corpora.errors import InvalidInput
from corpora.invalid import did_you_mean
from corpora.task import Needs
from service.choosing import SIMPLICITY
from strategies.registry import strategy_names


def check_hours(needs: Needs, ids: Iterable[str] = ()) -> None:
    """Raise InvalidInput for a name that is no family, strategy or row of the comparison."""
    here = {*SIMPLICITY, *ids}
    for name in needs.engineer_hours_per_month:
        if name in here or name.partition("@")[0] in strategy_names():
            continue
        fix = (
            f"No family or strategy has that name{did_you_mean(name, [*here, *strategy_names()])}."
        )
        fix += f" Families: {', '.join(SIMPLICITY)}."
        raise InvalidInput("needs.engineer_hours_per_month", name, fix)
