"""The trace in words: what was done and why, what was passed over, and why it was enough."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.evidence.finding import Action, Deed
from service import wording
from service.forecasting.appraisal import Appraisal, Purse
from service.forecasting.result import Stop, TraceStep
from service.forecasting.verdict import Judged

DEEDS: Mapping[Deed, str] = {
    "features": "look at the data",
    "retrieval": "retrieve without generating",
    "rows": "answer validation rows",
    "likelihood": "weigh the right answers",
    "head": "fit a linear head on the model's states",
    "pilot": "train a pilot adapter",
}

ENDED = "enough was looked at"
FOUND_BEFORE = "It was found by an attempt that was broken off."
BY_RULE = "The quickest step of what the rule that decides goes by."
REFUSED = "The spending limit lets nothing more of it be sent."
UNASKED = (FOUND_BEFORE, BY_RULE)
"""Reasons of steps of which nobody asked what they promise."""


def doing(action: Action) -> str:
    """`answer validation rows with rag.hybrid (16)`."""
    return f"{DEEDS[action.deed]}{about(action.strategy)}{extent(action.deed, action)}"


def about(strategy: str | None) -> str:
    return f", {strategy}" if strategy else ""


def extent(deed: Deed, action: Action | TraceStep) -> str:
    """How much of the data: rows for answers, a share of the training rows for a pilot."""
    if deed == "pilot":
        return f" ({wording.percent(action.share)} of the training rows)"
    return f" ({action.rows} rows)" if action.rows and deed != "features" else ""


def size(points: float) -> str:
    """A size in points that may be small: `0.04 points`."""
    value = 100 * abs(points)
    return f"{value:.1f} points" if value >= 0.1 else f"{value:.2f} points"


def taken(chosen: Appraisal, offered: int, *, is_first: bool) -> str:
    """Why this one; `is_first` where the task itself was not looked at."""
    if chosen.action.deed == "features":
        return "It costs next to nothing and says what the task is."
    if not chosen.is_worth_it and is_first:
        return "The cheapest look at the task itself, before anything is decided."
    ahead = ", as the beginning of several such steps" if chosen.ahead is not None else ""
    if not chosen.is_worth_it:
        return (
            f"Nothing promises to settle it; of {offered} that fit the budget this narrows most for"
            " its cost what is expected of those that may be chosen: by"
            f" {share(chosen.narrows)}{ahead}."
        )
    among = f"the best bargain of {offered} that fit the budget" if offered > 1 else "worth it"
    return f"{wording.capital(among)}: {promised(chosen)}{ahead}."


def promised(appraisal: Appraisal) -> str:
    """What an action is expected to bring, and for how much."""
    brings = []
    if appraisal.gain > 0:
        brings.append(f"expected to take {size(appraisal.gain)} off what is at stake")
    if appraisal.call > 0:
        brings.append(f"with a chance of {share(appraisal.call)} to make the answer sure enough")
    cost = f"{share(appraisal.share)} of the comparison's cost"
    return f"{', '.join(brings) or 'nothing is expected of it'}, for {cost}"


def share(part: float) -> str:
    """A small share, to two digits: `0.4%`, `0.03%`."""
    if part >= 0.0995:
        return f"{100 * part:.0f}%"
    return f"{100 * part:.2g}%" if part >= 0.0001 else "under 0.01%"


def passed_over(action: Action, appraisal: Appraisal | None, stop: Stop, fits: bool) -> str:
    """Why this one was left."""
    if stop == "clear":
        return "The decision was clear without it."
    if stop == "told to":
        return "It was told to stop."
    if not fits:
        paid = f" and {wording.dollars(action.usd)} of a hosted model" if action.usd else ""
        return f"It would take about {wording.duration(action.seconds)}{paid}: more than is left."
    if appraisal is None:
        return "Nothing was left to decide."
    if appraisal.gain <= 0 and appraisal.call <= 0:
        return (
            "Nothing that it is likely to find would turn the choice, make it sure enough, or tell"
            " much more of those that may be chosen."
        )
    told = wording.capital(promised(appraisal))
    if appraisal.share >= 1:
        return f"{told}: the comparison settles all of it for that."
    return f"{told}, but nothing is at stake."


def stopped(
    stop: Stop,
    judged: Judged,
    confidence: float,
    purse: Purse,
    *,
    too_large: bool,
    refused: bool = False,
) -> str:
    """Why it was enough; `too_large` says that something did not fit the budget, `refused` that a
    spending limit let something not be sent."""
    sent = "; the spending limit lets nothing more be sent" if refused else ""
    chance = wording.percent(judged.chance)
    if stop == "clear":
        return f"The decision is right with a chance of {chance}; {confidence:.0%} was asked for."
    limit = wording.duration(purse.seconds)
    if purse.usd is not None:
        limit += f" and {wording.dollars(purse.usd)}"
    if purse.paid_usd is not None:
        limit += f", of hosted models {wording.dollars(purse.paid_usd)}"
    if stop == "budget":
        return f"Nothing more fits the budget of {limit}{sent}."
    if stop == "not worth it":
        told = "promises to settle or to narrow anything for less than the comparison"
        if too_large:
            return (
                f"Of what fits the budget of {limit} nothing {told}; the rest does not fit{sent}."
            )
        return f"Nothing that is left {told}{sent}."
    return "It was told to stop." if stop == "told to" else "There is nothing left to look at."
