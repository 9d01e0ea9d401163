"""Errors of the serving part.

ServiceError
├── NotFound        there is no such task, comparison or artefact
├── Conflict        it exists, and its state does not allow what was asked
├── CostNotAccepted hosted models cost more than the request accepts
├── KeyReused       an Idempotency-Key came with another request than the first time
└── WorkerRunning   another worker serves this data folder already
"""

from math import ceil
from pathlib import Path
from typing import Any

from corpora.errors import shorten


class ServiceError(Exception):
    """Base of everything this package raises on purpose."""


class NotFound(ServiceError):
    """`what` is the kind of thing and `key` its id, as given."""

    def __init__(self, what: str, key: str) -> None:
        super().__init__(f"There is no {what} {shorten(key)}.")


class Conflict(ServiceError):
    """The message says the state and what to do about it."""


class CostNotAccepted(ServiceError):
    """Nothing was started. `quote` says what each strategy is expected to take."""

    def __init__(
        self, usd: float, accepted: float | None, quote: dict[str, Any], what: str = "comparison"
    ) -> None:
        self.usd = usd
        self.accepted = accepted
        self.quote = quote
        super().__init__(
            f"This {what} is expected to spend ${usd:.6f} on hosted models, and nobody has"
            " agreed to that."
        )

    @property
    def fix(self) -> str:
        """What to send to agree, rounded up."""
        return f"To agree, send it again with {ceil(self.usd * 1e6) / 1e6:.6f} or more."


class KeyReused(ServiceError):
    """The same key must mean the same request."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("This Idempotency-Key was used for another request.")


class WorkerRunning(ServiceError):
    """Two workers on one SQLite database would take over each other's jobs."""

    def __init__(self, data: Path) -> None:
        super().__init__(f"A worker already serves {data}. Stop it first, or set TUNEWORTH_DATA.")
