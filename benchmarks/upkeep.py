"""Costs that no request causes: retraining, labels, machines that wait, people.

Each is 0 or None unless the task states what it takes; docs/costs.md has the formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

import numpy as np
from numpy.typing import NDArray

from benchmarks.costs import HostPrice, RunPrices
from benchmarks.incumbent import INCUMBENT
from benchmarks.labels import rows_used
from benchmarks.load import replicas_for_each, under_load
from benchmarks.records import RunRecord, StrategyFacts
from benchmarks.results import Load
from benchmarks.spending import kept_seconds, refreshes
from benchmarks.track import Track
from corpora.task import BehaviourPace, Deployment, Needs
from corpora.terms import DAYS_A_MONTH, seconds_a_month

BEHAVIOUR_A_MONTH: dict[BehaviourPace, float] = {
    "never": 0.0,
    "yearly": 1 / 12,
    "quarterly": 1 / 3,
    "monthly": 1.0,
}


@dataclass(frozen=True)
class Host:
    """A stated deployment with its machine's price and the rate that it has to carry."""

    deployment: Deployment
    price: HostPrice
    per_second: float | None

    def monthly_usd(self, replicas: float, index_bytes: int | None = None) -> float:
        """Whole hours of all machines; an index larger than a machine's memory takes several."""
        hours = self.deployment.hours_per_day * DAYS_A_MONTH
        return replicas * self.machines_each(index_bytes) * hours * self.price.usd_per_hour

    def machines_each(self, index_bytes: int | None) -> int:
        if not index_bytes or self.price.memory_gb is None:
            return 1
        return max(1, ceil(index_bytes / (self.price.memory_gb * 1e9)))


def host_of(run: RunRecord, prices: RunPrices, measured: str | None = None) -> Host | None:
    """None where no deployment is stated. Without a stated peak the average rate counts, without a
    stated machine the one that `measured` the strategy."""
    if run.deployment is None:
        return None
    own = prices.machines.get(measured) if measured and not run.deployment.machine else None
    price = own or prices.host
    if price is None:
        price = HostPrice(
            machine=prices.machine,
            usd_per_hour=prices.usd_per_hour,
            source=prices.source,
            as_of=prices.as_of,
        )
    volume = run.needs.requests_per_month
    mean = volume / seconds_a_month(run.deployment) if volume else None
    peak = run.deployment.peak_requests_per_second
    # a peak below the average cannot be: the larger of the two is carried
    rate = max(peak or 0.0, mean or 0.0) or None
    return Host(run.deployment, price, rate)


def is_served_here(track: Track, hosted: bool) -> bool:
    """Whether machines of one's own serve it: not a hosted model, not what runs today."""
    return not hosted and track.facts.family != INCUMBENT


def load_of(track: Track, host: Host | None, seed: int) -> Load | None:
    """None where no rate is stated or no single request was timed."""
    if host is None or host.per_second is None or not track.latencies:
        return None
    times = [record.ms for record in track.latencies]
    return under_load(times, host.per_second, fewest=host.deployment.replicas, seed=seed)


def hosting_usd(track: Track, host: Host, load: Load | None) -> float:
    """A month of the machines that carry the peak."""
    replicas = load.replicas if load else host.deployment.replicas
    return host.monthly_usd(replicas, index_bytes_of(track))


def hosting_draws(
    track: Track, host: Host, counts: NDArray[np.int32]
) -> NDArray[np.float64] | None:
    """The same where other single requests had been timed: one for each line of `counts`, which
    says how often each of them is drawn. None where no rate is stated."""
    if host.per_second is None or not track.latencies:
        return None
    times = np.array([record.ms for record in track.latencies])
    means = counts @ times / len(times)
    numbers = replicas_for_each(means, host.per_second, host.deployment.replicas)
    return numbers * host.monthly_usd(1, index_bytes_of(track))


def index_bytes_of(track: Track) -> int | None:
    return track.setup.index_bytes if track.setup else None


def behaviour_changes(needs: Needs) -> int:
    """Changes of what is wanted within the horizon."""
    return round(BEHAVIOUR_A_MONTH[needs.behaviour_changes] * needs.horizon_months)


def learns(track: Track) -> bool:
    """Whether it fits weights or chooses settings on labelled rows."""
    return track.training is not None


def is_trained(track: Track) -> bool:
    """Whether it trains the model itself."""
    return bool((track.training or {}).get("epochs"))


def follows_documents_by_training(track: Track, needs: Needs) -> bool:
    """Whether a change of documents trains it anew, its index included."""
    reads = any(row.retrieved for row in track.outcomes.values())
    return needs.retrain_on_documents and is_trained(track) and reads


def retraining_usd(track: Track, run: RunRecord, prices: RunPrices, asked: float) -> float:
    """Over the horizon. A change of what is wanted, and the end of the base model, repeat the
    whole setup, the search with its `asked` tokens included; a change of documents (where that is
    stated to retrain) repeats it without the settings that were given up.
    """
    needs = run.needs
    whole = track.setup_seconds * prices.usd_per_second + asked
    dollars = 0.0
    if learns(track):
        dollars += behaviour_changes(needs) * whole
    if is_trained(track) and model_ends(needs, run.environment.started_at):
        dollars += whole
    if follows_documents_by_training(track, needs):
        search = (track.training or {}).get("search", ()) if track.facts.searches else ()
        again = kept_seconds(track.setup_seconds, search) * prices.usd_per_second
        dollars += refreshes(needs) * again
    return dollars


def model_ends(needs: Needs, started_at: str) -> bool:
    """Whether the base model is gone before the horizon ends, which begins with the run."""
    if needs.model_retires is None:
        return False
    began = datetime.fromisoformat(started_at).date()
    lasts = timedelta(days=needs.horizon_months * DAYS_A_MONTH)
    return date.fromisoformat(needs.model_retires) < began + lasts


def labels_usd(facts: StrategyFacts, run: RunRecord) -> float | None:
    """None where no price of a label is stated."""
    needs = run.needs
    if not needs.label_usd:
        return None
    again = needs.relabel_share * behaviour_changes(needs)
    return needs.label_usd * rows_used(facts, run.task) * (1 + again)


def engineering_usd(facts: StrategyFacts, needs: Needs) -> float | None:
    """A month of people's work: by id, then name, then family; None where none is stated."""
    hours = needs.engineer_hours_per_month
    keys = [key for key in (facts.id, facts.name, facts.family) if key in hours]
    if not keys or needs.engineer_usd_per_hour is None:
        return None
    return hours[keys[0]] * needs.engineer_usd_per_hour
