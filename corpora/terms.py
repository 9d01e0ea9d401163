"""What is stated of costs and of the deployment, checked as a whole: does it fit together?"""

from __future__ import annotations

from corpora.errors import InvalidInput
from corpora.task import Deployment, Needs

DAYS_A_MONTH = 365.25 / 12


def seconds_a_month(deployment: Deployment) -> float:
    """Seconds in which requests are served."""
    return deployment.hours_per_day * 3600 * DAYS_A_MONTH


def check_terms(needs: Needs, deployment: Deployment | None, *, place: str = "") -> None:
    """Raise InvalidInput where two fields do not fit together; `place` stands before a need."""
    hours = needs.engineer_hours_per_month
    if hours and needs.engineer_usd_per_hour is None:
        fix = "Hours of people are stated, so state what one costs, too."
        raise InvalidInput(f"{place}engineer_usd_per_hour", None, fix)
    if needs.engineer_usd_per_hour is not None and not hours:
        fix = "An hour's price is stated, so state hours: {fine-tuning: 6, prompting: 2}."
        raise InvalidInput(f"{place}engineer_hours_per_month", hours, fix)
    if needs.relabel_share and not needs.label_usd:
        fix = "Examples are labelled anew, so state what one label costs."
        raise InvalidInput(f"{place}label_usd", needs.label_usd, fix)
    volume = needs.requests_per_month
    if deployment is None or deployment.peak_requests_per_second is None or volume is None:
        return
    mean = volume / seconds_a_month(deployment)
    if deployment.peak_requests_per_second < mean * (1 - 1e-9):
        fix = (
            f"So many requests a month are {mean:.3g} a second on average in those hours: state"
            " a peak of that or more, or leave it out."
        )
        value = deployment.peak_requests_per_second
        raise InvalidInput("deployment.peak_requests_per_second", value, fix)
