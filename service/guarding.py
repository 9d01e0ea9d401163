"""Who may do what: guards that run before a handler, and before the body of a request is read.

Each operation states its scope once, as the security requirement that OpenAPI shows; an operation
that states none and is not marked as open takes an admin's key.
"""

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.spec import Components, SecurityScheme
from sqlalchemy.exc import SQLAlchemyError

from corpora.errors import InvalidInput, shorten
from service.errors import NotAllowed
from service.hosts import host_of
from service.keys import NOBODY, Caller, Keyring, Keys, Scope
from service.problems import Problem
from service.rates import Buckets, Streams
from service.settings import Settings
from service.shapes import Priority
from service.wire import hold

BEARER, COOKIE = "key", "cookie"
COOKIE_NAME = "tuneworth_key"
SAFE = ("GET", "HEAD", "OPTIONS")
OPEN = {"open": True}
"""`opt` of what anybody may ask: health, the schema, the page to log in."""
REFRESH_SECONDS = 0.5
"""How old the keys in memory may be, so that a revoked one is refused within a second."""
SCHEMES = Components(
    security_schemes={
        BEARER: SecurityScheme(
            type="http",
            scheme="bearer",
            description="An API key of `tuneworth keys add`. A server that only this machine can"
            " reach and that has no keys takes requests without one.",
        ),
        COOKIE: SecurityScheme(
            type="apiKey",
            name=COOKIE_NAME,
            security_scheme_in="cookie",
            description="The same key, as a browser keeps it after /login. It only reads.",
        ),
    }
)


def needs(scope: Scope, *, post: bool = False) -> list[dict[str, list[str]]]:
    """The security requirement of an operation. Only what reads by GET takes the cookie too."""
    schemes = [BEARER] if post or scope != "read" else [BEARER, COOKIE]
    return [{scheme: [scope]} for scheme in schemes]


def check_priority(priority: Priority, who: Caller) -> None:
    """Going before all others is not for everybody; raises NotAllowed."""
    if priority == "high" and not who.may("admin"):
        raise NotAllowed("admin", who.scopes)


class Gate:
    """What the guards of one application remember: names, keys, rates and open streams."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        """Raises InvalidInput where others could connect and no key is in force."""
        self.hosts = settings.names
        self.rates = Buckets()
        self.streams = Streams()
        self._exposed = settings.exposed
        self._keys = keys
        self._refreshing = asyncio.Lock()
        self._ring, self._tried_at = Keyring(keys.rows()), time.monotonic()
        self._failed: SQLAlchemyError | None = None
        check_exposed(settings, self._ring)

    async def caller_of(self, authorization: str) -> Caller:
        """Raises NoKey. Keys are demanded once one was ever made, and wherever others connect."""
        await self.refresh()
        if self._ring.is_empty and not self._exposed:
            return NOBODY
        return self._ring.caller_of(authorization)

    async def refresh(self) -> None:
        """Read the keys again where they are old; raises what the database raises."""
        came = time.monotonic()
        if came - self._tried_at >= REFRESH_SECONDS:
            async with self._refreshing:
                if self._tried_at < came:  # else another did it while this one waited
                    await self._read()
        if self._failed is not None:
            raise self._failed

    async def _read(self) -> None:
        began = time.monotonic()
        try:
            self._ring, self._failed = Keyring(await sync_to_thread(self._keys.rows)), None
        except SQLAlchemyError as error:
            self._failed = error
        self._tried_at = began


def check_exposed(settings: Settings, ring: Keyring) -> None:
    """Refuse to let others in where no key tells them apart; raises InvalidInput."""
    if settings.exposed and not ring.in_force:
        field, value = "TUNEWORTH_HOST", settings.host
        if settings.hosts:
            field, value = "TUNEWORTH_HOSTS", ",".join(settings.hosts)
        fix = (
            "Others can reach this server, and no API key is in force: make one with"
            " `tuneworth keys add NAME`, or listen on 127.0.0.1 without TUNEWORTH_HOSTS."
        )
        raise InvalidInput(field, value, fix)


def gate_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Gate:
    found: Gate = connection.app.state.gate
    return found


def caller(request: Request[Any, Any, Any]) -> Caller:
    """Who sent this request, as `identify` found it."""
    found: Caller = request.scope["auth"]
    return found


def hold_stream(request: Request[Any, Any, Any]) -> None:
    """Count a stream of this key until it ends; raises TooOften where it has too many."""
    who = caller(request)
    if who.key is not None:
        hold(request, gate_of(request).streams.open(who.key))


async def refuse_other_hosts(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """Stop a web page that made its own host name point here and reads replies as its own."""
    sent = connection.headers.get("host", "")
    names = gate_of(connection).hosts
    if host_of(sent) not in names:
        detail = f"Use one of {', '.join(names)} as the host, not {shorten(sent)}."
        raise Problem(421, "misdirected-request", "Unknown host", detail)


async def refuse_cross_site(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """Stop what a page of another site sends from the browser of somebody who may do it here.

    Following a link to here is no such thing. Clients other than browsers send neither header.
    """
    headers, method = connection.headers, _method_of(connection)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_link = method in SAFE and headers.get("sec-fetch-mode") == "navigate"
    is_foreign = site in ("cross-site", "same-site") and not is_link
    if origin is not None and _place_of(origin) != headers.get("host", "").lower():
        is_foreign = True
    if is_foreign:
        detail = "A page of another site may not send requests here."
        raise Problem(403, "cross-site", "Refused from another site", detail)


def _place_of(origin: str) -> str | None:
    """Host and port of an Origin header; None where it names none."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


async def identify(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Find out who calls, and whether this key may do this now."""
    needed = scope_of(_method_of(connection), handler)
    if needed is None:
        return
    gate = gate_of(connection)
    found = await gate.caller_of(_sent_key(connection))
    connection.scope["auth"] = found
    if found.key is not None and found.limits is not None:
        gate.rates.take(found.key, found.limits.per_minute)
    if not found.may(needed):
        raise NotAllowed(needed, found.scopes)


def scope_of(method: str, handler: BaseRouteHandler) -> str | None:
    """The scope that an operation states; None for what is open."""
    if method == "OPTIONS" or handler.opt.get("open"):
        return None
    stated = handler.resolve_security() if isinstance(handler, HTTPRouteHandler) else []
    return next((scopes[0] for one in stated for scopes in one.values()), "admin")


def _method_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    scope: Any = connection.scope  # of HTTP: nothing else is routed here
    return str(scope["method"])


def _sent_key(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The Authorization header; for what only reads, the cookie of a browser in its place."""
    sent = connection.headers.get("authorization")
    if sent is None and _method_of(connection) in SAFE:
        return f"Bearer {connection.cookies.get(COOKIE_NAME, '')}"
    return sent or ""
