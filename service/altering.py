"""Changes to the terms of a comparison (needs, deployment, prices), checked as a task's are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.costs import HostPrice, PriceList, RunPrices, TokenPrice
from benchmarks.records import RunRecord
from benchmarks.spending import as_run_prices
from corpora.errors import InvalidInput
from corpora.invalid import did_you_mean, validated
from corpora.task import DEAREST, Deployment, Needs
from corpora.terms import check_terms
from service.terms import Changes

HOUR = "usd_per_hour"
TOKEN_PRICES = ("input", "cached", "output", "batch_discount")


def altered(
    run: RunRecord, changes: Mapping[str, Any], price_list: PriceList | None = None
) -> RunRecord:
    """The run's record under other terms; raises InvalidInput for the first that is wrong.

    `price_list` is asked for a machine of a deployment that the run has no price of.
    """
    sent = validated(Changes, {**changes, "deployment": told_of(changes)}, strict=True)
    apart = ("deployment", "prices")
    needs = {**run.needs.model_dump(), **{k: v for k, v in changes.items() if k not in apart}}
    new_needs = validated(Needs, needs, strict=True)
    placed = new_deployment(run, changes)
    check_terms(new_needs, placed)
    prices = as_run_prices(run.prices)
    if placed is not None:
        prices = with_host(prices, placed, price_list)
    for key, value in sent.prices.items():
        prices = with_price(prices, key, value)
    return run.model_copy(
        update={
            "needs": new_needs,
            "deployment": placed,
            "prices": prices.model_dump(mode="json"),
        }
    )


def told_of(changes: Mapping[str, Any]) -> Any:
    """What is sent of a deployment, less what it says is not stated."""
    told = changes.get("deployment")
    if not isinstance(told, Mapping):
        return told
    return {name: value for name, value in told.items() if value is not None}


def new_deployment(run: RunRecord, changes: Mapping[str, Any]) -> Deployment | None:
    """The stated one with the changed fields; None where it is changed to none."""
    if "deployment" not in changes:
        return run.deployment
    told = changes["deployment"]
    if told is None:
        return None
    old = run.deployment.model_dump() if run.deployment else {}
    return validated(Deployment, {**old, **told}, place="deployment.", strict=True)


def with_host(prices: RunPrices, placed: Deployment, price_list: PriceList | None) -> RunPrices:
    """The prices with that of the deployment's machine."""
    name = placed.machine or prices.machine
    if prices.host is not None and prices.host.machine == name:
        return prices
    if name in prices.machines:
        return prices.model_copy(update={"host": prices.machines[name]})
    if name == prices.machine:  # at what the comparison was charged
        known = price_list.machines.get(name) if price_list else None
        return prices.model_copy(
            update={
                "host": HostPrice(
                    machine=name,
                    usd_per_hour=prices.usd_per_hour,
                    memory_gb=known.memory_gb if known else None,
                    source=prices.source,
                    as_of=prices.as_of,
                )
            }
        )
    if price_list is None:
        fix = "The comparison has no price of that machine, and no price list is at hand."
        raise InvalidInput("deployment.machine", name, fix)
    return prices.model_copy(update={"host": price_list.host(name)})


def with_price(prices: RunPrices, key: str, value: float) -> RunPrices:
    """The prices with one changed; raises InvalidInput that names those that can be."""
    field = f"prices.{key}"
    if not 0 <= value <= DEAREST:
        raise InvalidInput(field, value, f"A price is 0 or more, and at most {DEAREST:,.0f}.")
    what, _, which = key.rpartition(".")
    machine = what or prices.machine
    host = prices.host
    hosts = host is not None and host.machine == machine
    if which == HOUR and (machine == prices.machine or hosts or machine in prices.machines):
        hour = {HOUR: value, "source": "what if", "as_of": "now"}
        changed: dict[str, Any] = dict(hour) if machine == prices.machine else {}
        if hosts and host is not None:
            changed["host"] = host.model_copy(update=hour)
        if machine in prices.machines:
            other = prices.machines[machine].model_copy(update=hour)
            changed["machines"] = {**prices.machines, machine: other}
        return prices.model_copy(update=changed)
    if which in TOKEN_PRICES and what in prices.models:
        told = {**prices.models[what].model_dump(), which: value, "source": "what if"}
        price = validated(TokenPrice, told, place=f"prices.{what}.")
        return prices.model_copy(update={"models": {**prices.models, what: price}})
    known = price_keys(prices)
    fix = f"It has no such price{did_you_mean(key, known)}. Known: {', '.join(known)}."
    raise InvalidInput(field, value, fix)


def price_keys(prices: RunPrices) -> list[str]:
    hosts = [prices.host.machine] if prices.host else []
    machines = [prices.machine, *hosts, *prices.machines]
    hours = [HOUR, *dict.fromkeys(f"{machine}.{HOUR}" for machine in machines)]
    return hours + [f"{model}.{name}" for model in prices.models for name in TOKEN_PRICES]
