"""Attacks by a key: none, a made-up one, one that is out of force, and one that may not do this."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from service.errors import NoKey
from service.keys import DUMMY, ID, NOBODY, SCOPES, Caller, Keyring, Keys, Limits, open_keys
from service.reliability.attacks.attack import Attack, Refused, as_it_is, nothing
from service.reliability.attacks.serving import TASKS, client, key_for, refused, spec
from service.settings import Settings
from service.storage import KeyRow

RATE = 5
"""Requests a minute of a key that asks for more."""
LATE_SECONDS = 3.0
"""How long a revoked key is tried."""
ROUNDS, CALLS = 80, 200
TRIES = 8
"""Rounds of rounds: what a busy machine adds goes with them, a true difference stays."""
APART = 1.25
"""Times whose ratio is larger tell two kinds of wrong keys apart."""


def no_key(folder: Path) -> str:
    """A request without a key to a server that has some."""
    key_for(folder)
    with client(folder) as one:
        return refused(one.get(TASKS), 401)


def open_server(folder: Path) -> str:
    """A server that others reach, started without any key."""
    try:
        with client(folder, host="192.0.2.7") as one:
            return f"others are answered {one.get(TASKS).status_code} without a key"
    except ExceptionGroup as why:  # the framework bundles what a start raises
        raise why.exceptions[0] from None


def forged_key(folder: Path) -> str:
    """A key that is there, but for its last letter."""
    good = key_for(folder)["Authorization"]
    return _tried(folder, good[:-1] + ("a" if good[-1] != "a" else "b"))


def unknown_key(folder: Path) -> str:
    """A key of the right form whose id nobody has."""
    good = key_for(folder)["Authorization"]
    return _tried(folder, good[: ID.start] + "0" * 12 + good[ID.stop :])


def stored_key(folder: Path) -> str:
    """What the table holds in the place of a key, as whoever has read the database would send."""
    key_for(folder)
    with open_keys(Settings(folder)) as keys:
        [row] = keys.rows()
    return _tried(folder, f"Bearer {row.digest}")


def revoked_key(folder: Path) -> str:
    """A key that was put out of force before the server began."""
    good = key_for(folder)
    _revoke(folder, good)
    return _tried(folder, good["Authorization"])


def revoked_late(folder: Path) -> str:
    """One that is put out of force while the server runs and knows it."""
    good = key_for(folder)
    with client(folder) as one:
        _ask_well(one, good)
        _revoke(folder, good)
        end = time.monotonic() + LATE_SECONDS
        while (reply := one.get(TASKS, headers=good)).status_code == 200:
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        return refused(reply, 401)


def key_of_another_scope(folder: Path) -> str:
    """A key that only reads submits a task."""
    reader = key_for(folder, scopes=["read"])
    with client(folder) as one:
        _ask_well(one, reader)
        return refused(one.post(TASKS, json=spec(), headers=reader), 403)


def first_in_line(folder: Path) -> str:
    """A key that is no admin's has its work done before everybody else's."""
    good = key_for(folder)
    with client(folder) as one:
        task = one.post(TASKS, json=spec(), headers=good).headers["Location"]
        body = {"priority": "high"}
        return refused(one.post(f"{task}/comparisons", json=body, headers=good), 403)


def too_often(folder: Path) -> str:
    good = key_for(folder, limits=Limits(per_minute=RATE))
    with client(folder) as one:
        for _ in range(RATE):
            _ask_well(one, good)
        return refused(one.get(TASKS, headers=good), 429)


def others_money(folder: Path) -> str:
    """A key that may agree to no dollar asks a hosted model that is paid."""
    models, prices = folder / "models.yaml", folder / "prices.yaml"
    entry = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
    price = {"input": 1.0, "cached": 1.0, "output": 1.0, "source": "made up", "as_of": "now"}
    models.write_text(json.dumps({"paid": entry}))
    prices.write_text(json.dumps({"models": {"paid": price}}))
    os.environ |= {"TUNEWORTH_MODELS": str(models), "TUNEWORTH_PRICES": str(prices)}
    poor = key_for(folder / "data", limits=Limits(usd_per_month=0.0))
    with client(folder / "data") as one:
        good = spec(model="paid", strategies=["prompt.zero-shot"])
        task = one.post(TASKS, json=good, headers=poor).headers["Location"]
        body = {"accept_cost_usd": 1e6}
        return refused(one.post(f"{task}/comparisons", json=body, headers=poor), 403)


def time_of_a_refusal(folder: Path) -> str:
    """Which ids there are, by how long a wrong key takes: asked from within the server's process,
    where no network hides it."""
    good, gone = (key_for(folder)["Authorization"] for _ in range(2))
    _revoke(folder, {"Authorization": gone})
    with open_keys(Settings(folder)) as keys:
        ring = Keyring(keys.rows())
    wrong = {
        "forged": good[:-1] + ("a" if good[-1] != "a" else "b"),
        "unknown": good[: ID.start] + "0" * 12 + good[ID.stop :],
        "revoked": gone,
        "none": "",
    }
    taken = {name: float("inf") for name in wrong}
    told = ""
    for _ in range(TRIES):
        for _ in range(ROUNDS):  # the quickest of many, in turns: a busy machine only adds to some
            for name, sent in wrong.items():
                taken[name] = min(taken[name], _seconds(ring.caller_of, sent))
        told = ", ".join(f"{name} {taken[name] / CALLS * 1e6:.1f} µs" for name in wrong)
        if max(taken.values()) / min(taken.values()) <= APART:
            raise Refused(f"all take the same time: {told}")
    return f"the time tells them apart: {told}"


def _seconds(caller_of: Callable[[str], Caller], sent: str) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        try:
            caller_of(sent)
        except NoKey:
            continue
    return time.perf_counter() - began


def _tried(folder: Path, sent: str) -> str:
    with client(folder) as one:
        return refused(one.get(TASKS, headers={"Authorization": sent}), 401)


def _ask_well(one: Any, key: dict[str, str]) -> None:
    """As the key may: else nothing was tried."""
    reply = one.get(TASKS, headers=key)
    assert reply.status_code == 200, reply.text


def _revoke(folder: Path, key: dict[str, str]) -> None:
    with open_keys(Settings(folder)) as keys:
        keys.revoke(key["Authorization"][ID])


ROWS, CALLER_OF = Keys.rows, Keyring.caller_of
ALWAYS = SimpleNamespace(compare_digest=lambda *_: True)
ANYBODY = KeyRow(
    id="0" * 12,
    name="anybody",
    digest=DUMMY.digest,
    scopes=",".join(SCOPES),
    per_minute=RATE,
    usd_per_month=0.0,
    created_at="",
    revoked_at=None,
)


async def call_nobody(*_: Any) -> Caller:
    """Takes every request for one of this machine's user."""
    return NOBODY


def never_revoked(keys: Keys) -> list[KeyRow]:
    rows = ROWS(keys)
    for row in rows:
        row.revoked_at = None
    return rows


def look_up_first(ring: Keyring, authorization: str) -> Caller:
    """Ends at once where there is no key of this id."""
    if authorization[ID] not in ring._rows:
        raise NoKey
    return CALLER_OF(ring, authorization)


ATTACKS = (
    Attack("key-missing", no_key, {"service.guarding:Gate.caller_of": call_nobody}),
    Attack(
        "open-server",
        open_server,
        {
            "service.guarding:check_exposed": nothing,
            "service.guarding:Gate.caller_of": call_nobody,
        },
    ),
    Attack("key-forged", forged_key, {"service.keys:hmac": ALWAYS}),
    Attack(
        "key-unknown",
        unknown_key,
        {"service.keys:hmac": ALWAYS, "service.keys:DUMMY": ANYBODY},
    ),
    Attack("key-stored", stored_key, {"service.keys:digest_of": as_it_is}),
    Attack("key-revoked", revoked_key, {"service.keys:Keys.rows": never_revoked}),
    Attack("key-revoked-late", revoked_late, {"service.guarding:REFRESH_SECONDS": 10**9}),
    Attack("key-scope", key_of_another_scope, {"service.keys:Caller.may": lambda *_: True}),
    Attack("key-priority", first_in_line, {"service.api_comparisons:check_priority": nothing}),
    Attack("key-rate", too_often, {"service.rates:Buckets.take": nothing}),
    Attack("key-money", others_money, {"service.api_comparisons:agree": nothing}),
    Attack("key-timing", time_of_a_refusal, {"service.keys:Keyring.caller_of": look_up_first}),
)
