"""What Prometheus is told at /metrics.

Requests are counted in this process; what workers did is read from the database
(`service.tallying`), and so is how much waits for them.
"""

import shutil
from collections.abc import Iterator, Mapping
from typing import get_args

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from service.alive import silence, workers
from service.counting import TOKENS
from service.orders import Queue
from service.services import Services
from service.storage import State, UnitRow
from service.store import WORDS

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STATES = get_args(State)
"""Told with 0 too, so that a graph has no gaps."""


class Requests:
    """Times of HTTP requests up to the first byte of the reply, by operation and status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._seconds = Histogram(
            "tuneworth_http_request_seconds",
            "Time to the first byte of the reply; of a stream, to its beginning.",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self.registry,
        )

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        self._seconds.labels(method, route, str(status)).observe(seconds)


def page(requests: Requests, at: Services) -> bytes:
    """Everything in Prometheus' text format. Asks the database."""
    asked = CollectorRegistry()
    asked.register(Stock(at))
    return generate_latest(requests.registry) + generate_latest(asked)


class Stock(Collector):
    """What stands in the database and the data folder now."""

    def __init__(self, at: Services) -> None:
        self._at = at

    def describe(self) -> list[CounterMetricFamily]:
        return []  # else it would be collected when it is registered, too

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        yield gauge("tuneworth_streams", "Open event streams.", self._at.hub.streams)
        free = shutil.disk_usage(self._at.settings.data).free
        yield gauge("tuneworth_data_free_bytes", "Free space in the data folder.", free)
        try:
            families = self._stored()
        except SQLAlchemyError:
            yield gauge("tuneworth_database_up", "Whether the database answered.", 0)
            return
        yield gauge("tuneworth_database_up", "Whether the database answered.", 1)
        yield from families

    def _stored(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        with self._at.store.begin() as session:
            work: dict[tuple[str, str], int] = {
                (what, state): number
                for table, what in WORDS.items()
                for state, number in session.execute(
                    sa.select(table.state, sa.func.count()).group_by(table.state)
                )
            }
            self._at.tally.look(session)
            queued = dict(
                session.execute(
                    sa.select(UnitRow.queue, sa.func.count())
                    .where(UnitRow.state == "queued")
                    .group_by(UnitRow.queue)
                )
                .tuples()
                .all()
            )
            alive, silent = workers(session), silence(session)
        states = GaugeMetricFamily("tuneworth_work", "Work by state.", labels=("kind", "state"))
        for what in WORDS.values():
            for state in STATES:
                states.add_metric((what, state), work.get((what, state), 0))
        depth = by_queue("tuneworth_queue_depth", "Units that wait for a worker.", queued)
        lives = by_queue("tuneworth_workers", "Workers that are alive.", alive)
        beat = gauge(
            "tuneworth_worker_beat_age_seconds",
            "Since any worker was last alive; +Inf where none ever was.",
            silent,
        )
        return [states, depth, lives, beat, *self._counters()]

    def _counters(self) -> Iterator[CounterMetricFamily]:
        tally = self._at.tally
        total = tally.total
        yield counter("tuneworth_samples_answered", "Test rows answered.", total["samples"])
        yield counter("tuneworth_spent_usd", "Dollars for answers of hosted models.", total["usd"])
        tokens = CounterMetricFamily("tuneworth_tokens", "Tokens of answers.", labels=("kind",))
        for name in TOKENS:
            tokens.add_metric((name.removesuffix("_tokens"),), total[name])
        yield tokens
        errors = CounterMetricFamily(
            "tuneworth_errors",
            "Answers in error (sample), strategies that broke, failed work by its problem.",
            labels=("kind",),
        )
        errors.add_metric(("sample",), total["errors"])
        errors.add_metric(("strategy",), total["failures"])
        for kind, number in tally.errors.items():
            errors.add_metric((kind,), number)
        yield errors
        yield counter(
            "tuneworth_retries",
            "Units begun once more: their worker died, or what it computed came to nothing.",
            total["retries"],
        )


def gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)


def by_queue(name: str, says: str, numbers: Mapping[str, int]) -> GaugeMetricFamily:
    """One for each queue, 0 where there is none."""
    found = GaugeMetricFamily(name, says, labels=("queue",))
    for queue in get_args(Queue):
        found.add_metric((queue,), numbers.get(queue, 0))
    return found


def counter(name: str, says: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, says, value=value)
