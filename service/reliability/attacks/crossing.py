"""Attacks from a page of another site, in the browser of somebody who may do it here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from litestar.datastructures import Cookie

from service.guarding import COOKIE_NAME
from service.reliability.attacks.attack import Attack, Refused, nothing
from service.reliability.attacks.serving import TASKS, client, key_for, refused, spec

EVIL = "https://evil.example"
POLICY, SNIFFED = "content-security-policy", "x-content-type-options"


def submitting(headers: dict[str, str]) -> Callable[[Path], str]:
    """The attempt to submit a task with what a browser sends along."""

    def attempt(folder: Path) -> str:
        with client(folder) as one:
            return refused(one.post(TASKS, json=spec(), headers=headers), 403)

    return attempt


def embedded(folder: Path) -> str:
    """The list of tasks as a script or picture of another page."""
    sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    with client(folder) as one:
        return refused(one.get(TASKS, headers=sent), 403)


def host_that_begins_right(folder: Path) -> str:
    """A name of the attacker's that begins with this machine's."""
    with client(folder) as one:
        return refused(one.get(TASKS, headers={"Host": "127.0.0.1.evil.example"}), 421)


def cookie_that_writes(folder: Path) -> str:
    """A form that an old browser sends with the cookie, and without a word of where it stood."""
    key = key_for(folder)["Authorization"].removeprefix("Bearer ")
    with client(folder) as one:
        one.cookies.set(COOKIE_NAME, key)
        assert one.get(TASKS).status_code == 200, "the cookie does not read"
        return refused(one.post(TASKS, json=spec()), 401)


def key_from_any_place(connection: Any) -> str:
    """Takes the cookie for whatever is asked."""
    sent = connection.headers.get("authorization")
    return sent or f"Bearer {connection.cookies.get(COOKIE_NAME, '')}"


def cookie_for_scripts(folder: Path) -> str:
    """The cookie of a login, read by a script, or sent along by another site."""
    cookie = _logged_in(folder, TASKS).headers["set-cookie"]
    if "httponly" not in cookie.lower() or "samesite=strict" not in cookie.lower():
        return f"the cookie is {cookie.partition(';')[2]}"
    raise Refused("no script can read the cookie, and no other site can send it")


def plain_cookie(value: str, seconds: int, secure: bool) -> Cookie:
    return Cookie(COOKIE_NAME, value=value, path="/", max_age=seconds, secure=secure)


def login_that_leads_away(folder: Path) -> str:
    """A link to the login that goes on to a page which looks the same."""
    place = _logged_in(folder, "//evil.example/login").headers.get("location")
    if place is not None:
        return f"it leads to {place}"
    raise Refused("the login leads to no other site")


def _logged_in(folder: Path, place: str) -> Any:
    """The reply to the form with a right key, and where to go on."""
    key = key_for(folder)["Authorization"].removeprefix("Bearer ")
    with client(folder) as one:
        reply = one.post("/login", data={"key": key, "next": place}, follow_redirects=False)
    assert "set-cookie" in reply.headers, reply.text
    return reply


def framed(folder: Path) -> str:
    """The login within a page that lies over it."""
    with client(folder) as one:
        headers = one.get("/login").headers
    policy, old = (headers.get(name, "") for name in (POLICY, "x-frame-options"))
    if "frame-ancestors 'none'" not in policy and old != "DENY":
        return f"a page may frame it: {policy or 'no policy'}"
    raise Refused("no page may frame it")


def whole_policy(folder: Path) -> str:
    """A report that loads and runs what it holds."""
    with client(folder) as one:
        headers = one.get("/health").headers
    policy, sniffed = (headers.get(name, "") for name in (POLICY, SNIFFED))
    if "default-src 'none'" not in policy or sniffed != "nosniff":
        return f"a page may load and run what it holds: {policy or 'no policy'}"
    raise Refused("a page loads and runs nothing")


async def add_nothing(*_: Any) -> None:
    """Leaves a reply as it is."""


GUARD = {"service.app:refuse_cross_site": nothing}
ATTACKS = (
    Attack("cross-site", submitting({"Sec-Fetch-Site": "cross-site"}), GUARD),
    Attack("cross-site-sister", submitting({"Sec-Fetch-Site": "same-site"}), GUARD),
    Attack("cross-site-origin", submitting({"Origin": EVIL}), GUARD),
    Attack("cross-site-null", submitting({"Origin": "null"}), GUARD),
    Attack("cross-site-port", submitting({"Origin": "http://127.0.0.1:3000"}), GUARD),
    Attack("cross-site-embedded", embedded, GUARD),
    Attack("host-prefix", host_that_begins_right, {"service.app:refuse_other_hosts": nothing}),
    Attack("cookie-writes", cookie_that_writes, {"service.guarding:_sent_key": key_from_any_place}),
    Attack("cookie-script", cookie_for_scripts, {"service.login:_cookie": plain_cookie}),
    Attack("login-elsewhere", login_that_leads_away, {"service.login:_is_ours": lambda _: True}),
    Attack(
        "framing",
        framed,
        {"service.login:FORM_POLICY": "default-src 'none'", "service.app:add_headers": add_nothing},
    ),
    Attack("no-policy", whole_policy, {"service.app:add_headers": add_nothing}),
)
