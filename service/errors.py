"""Errors of the serving part.

ServiceError
├── NotFound        there is no such task, comparison or artefact
├── Conflict        it exists, and its state does not allow what was asked
├── CostNotAccepted hosted models cost more than the request accepts
├── KeyReused       an Idempotency-Key came with another request than the first time
├── DatabaseAway    the database was not reached at the start
├── StatementCancelled  the database cancelled the same statements again and again
├── StoreAway       the store of reports and artefacts is full, read-only or not reached
├── NewerDatabase   a later version of Tuneworth has changed the database
├── DamagedRecords  what is stored of a comparison cannot be read
├── NoKey           the request came without an API key that is in force
├── NotAllowed      the API key does not have the scope that the operation needs
├── TooOften        the API key asked for more than its rate allows
└── OverBudget      hosted models would cost more than the API key may spend this month
"""

from collections.abc import Iterable
from math import ceil, floor
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError, StorageFull
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


class DatabaseAway(ServiceError):
    """`reason` is what the database or the network said; it holds no password."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database cannot be used: {reason}. Start it, or correct TUNEWORTH_DATABASE_URL."
        )


class StatementCancelled(ServiceError, BenchmarkError):
    """`reason` is what the database said, of the last of so many `tries`. It may come out of a
    strategy, whose requests are booked, and is none of its doing."""

    def __init__(self, reason: str, tries: int) -> None:
        super().__init__(
            f"The database cancelled the same statements {tries} times in a row: {reason}. Raise"
            " the server's statement_timeout, for the user or the database."
        )


class StoreAway(ServiceError, StorageFull):
    """`reason` is what the system said, in words that anybody may see."""

    def __init__(self, key: str, reason: str) -> None:
        self.path = Path(key)
        self.reason = reason
        Exception.__init__(self, f"The store of reports and artefacts, at {key}: {reason}.")


class NewerDatabase(ServiceError):
    """Going on could damage what the later version has written."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The database has schema {revision}, which this version of Tuneworth does not know."
            " Use the version that wrote it, or a later one."
        )


class DamagedRecords(ServiceError):
    """A row that holds no records: somebody changed it, or the disk is ill."""

    def __init__(self, comparison: str, row: int) -> None:
        super().__init__(
            f"Comparison {comparison}, row {row} of its records: not a record of a run. Restore"
            " the database from a backup, or start another comparison."
        )


class NoKey(ServiceError):
    """One message for every kind of wrong key: what is wrong with it is nobody's business."""

    def __init__(self) -> None:
        super().__init__("Send an API key that is in force, as Authorization: Bearer tw_...")


class NotAllowed(ServiceError):
    """`needed` is the scope of the operation, `scopes` are those of the key."""

    def __init__(self, needed: str, scopes: Iterable[str]) -> None:
        has = ", ".join(sorted(scopes))
        super().__init__(f"This needs a key with the scope {needed}; this one has: {has}.")


class TooOften(ServiceError):
    """`seconds` is how long to wait before the same request can succeed."""

    def __init__(self, message: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(message)


class OverBudget(ServiceError):
    """Nothing was started. `usd` was to be agreed to, and `agreed` was so far, this month."""

    def __init__(self, usd: float, agreed: float, limit: float) -> None:
        self.usd = usd
        self.left = max(limit - agreed, 0.0)
        super().__init__(
            f"This key may agree to ${limit:.2f} of hosted models a month. ${agreed:.6f} are agreed"
            f" to, and ${usd:.6f} more would be too much."
        )

    @property
    def fix(self) -> str:
        left = floor(self.left * 1e6) / 1e6
        return f"Agree to ${left:.6f} or less, or ask who runs the server for a higher limit."
