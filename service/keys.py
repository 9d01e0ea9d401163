"""API keys: made once, stored as digests, and looked up in one way whether right or wrong.

A key is `tw_`, its id, `_` and 256 random bits. That many need no slow digest: nobody can try
them all, and whoever reads the table learns no key.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpora.errors import InvalidInput
from service.database import open_database
from service.errors import NoKey
from service.settings import Settings
from service.storage import KeyRow, now
from service.store import Store

Scope = Literal["read", "run", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
ID_BYTES, SECRET_BYTES = 6, 32
PREFIX = "tw_"
SCHEME = "bearer "
ID = slice(len(SCHEME) + len(PREFIX), len(SCHEME) + len(PREFIX) + 2 * ID_BYTES)
LENGTH = ID.stop + 1 + 43
"""Characters of a right Authorization header: the secret's 32 bytes are 43 in base64."""


@dataclass(frozen=True)
class Limits:
    """Requests a minute, and US dollars that may be agreed to a month for hosted models."""

    per_minute: int = 600
    usd_per_month: float = 0.0

    def __post_init__(self) -> None:
        if self.per_minute < 1:
            raise InvalidInput("per-minute", self.per_minute, "Give a number from 1 on.")
        if not 0 <= self.usd_per_month < float("inf"):
            raise InvalidInput("usd-per-month", self.usd_per_month, "Give dollars, 0 for none.")


@dataclass(frozen=True)
class Caller:
    """Who sent a request. `owner`, `key` and `limits` are None where no key was needed."""

    owner: str | None
    scopes: frozenset[str]
    key: str | None = None
    limits: Limits | None = None

    @property
    def sees(self) -> str | None:
        """Whose tasks and work it may read and change; None: everybody's."""
        return None if "admin" in self.scopes else self.owner

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


NOBODY = Caller(None, frozenset(SCOPES))
"""Who calls where no key is demanded: whoever uses this machine."""


class Keys:
    """The keys in the database. Every method is one transaction."""

    def __init__(self, begin: Callable[[], AbstractContextManager[Session]]) -> None:
        self._begin = begin

    def add(self, name: str, scopes: Collection[str], limits: Limits) -> tuple[KeyRow, str]:
        """A new key of the owner `name`, and its text, which cannot be had again."""
        if not NAME.fullmatch(name):
            fix = "Use 1 to 64 small letters, digits and . _ - @, a letter or digit first."
            raise InvalidInput("NAME", name, fix)
        for scope in scopes or [""]:
            if scope not in SCOPES:
                raise InvalidInput("scopes", scope, f"Choose from: {', '.join(SCOPES)}.")
        key_id = secrets.token_hex(ID_BYTES)
        text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
        row = KeyRow(
            id=key_id,
            name=name,
            digest=digest_of(text),
            scopes=",".join(scope for scope in SCOPES if scope in scopes),
            per_minute=limits.per_minute,
            usd_per_month=limits.usd_per_month,
            created_at=now(),
            revoked_at=None,
        )
        with self._begin() as session:
            session.add(row)
        return row, text

    def revoke(self, key_id: str) -> KeyRow:
        """Put a key out of force for good; it stays listed. Raises InvalidInput."""
        with self._begin() as session:
            row = session.get(KeyRow, key_id)
            if row is None:
                raise InvalidInput("ID", key_id, "`tuneworth keys list` shows the ids.")
            row.revoked_at = row.revoked_at or now()
            return row

    def rows(self) -> list[KeyRow]:
        """All of them, the oldest first, revoked ones too."""
        with self._begin() as session:
            return list(session.scalars(sa.select(KeyRow).order_by(KeyRow.created_at, KeyRow.id)))


@contextmanager
def open_keys(settings: Settings) -> Iterator[Keys]:
    """The keys in the database of these settings, for as long as they are needed."""
    engine = open_database(settings.database_url)
    try:
        yield Keys(Store(engine).begin)
    finally:
        engine.dispose()


class Keyring:
    """The keys as they were at one moment, to look requests up in."""

    def __init__(self, rows: Iterable[KeyRow] = ()) -> None:
        self._rows = {row.id: row for row in rows}
        self.is_empty = not self._rows
        self.in_force = any(row.revoked_at is None for row in self._rows.values())

    def caller_of(self, authorization: str) -> Caller:
        """Who sent this Authorization header; raises NoKey.

        A missing, cut, unknown, forged or revoked key takes the same steps over as many bytes, so
        that the time tells nobody which of them it was.
        """
        sent = authorization.ljust(LENGTH)[: LENGTH + 1]
        row = self._rows.get(sent[ID], DUMMY)
        is_key = hmac.compare_digest(digest_of(sent[len(SCHEME) :]), row.digest)
        is_bearer = sent[: len(SCHEME)].lower() == SCHEME
        is_in_force = row.revoked_at is None
        if not (is_key & is_bearer & is_in_force):
            raise NoKey
        return Caller(
            owner=row.name,
            scopes=frozenset(row.scopes.split(",")),
            key=row.id,
            limits=Limits(row.per_minute, row.usd_per_month),
        )


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


DUMMY = KeyRow(digest=digest_of(secrets.token_urlsafe(SECRET_BYTES)), revoked_at=now())
"""What an unknown key is compared with."""
