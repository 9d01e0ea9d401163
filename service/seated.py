"""What a report says of strategies that were measured on another machine, or beside other work."""

from __future__ import annotations

from service import wording
from service.concerns import places_of
from service.report import Report


def seated_facts(report: Report) -> list[tuple[str, str]]:
    """Who was measured elsewhere than on the report's machine, and at what price."""
    own = (wording.hardware(report.environment),)
    found: dict[tuple[str, ...], list[str]] = {}
    for row in report.strategies:
        if row.measured_on and places_of(row.measured_on) != own:
            found.setdefault(places_of(row.measured_on), []).append(row.id)
    told = [f"{wording.listed(ids)} on {'; '.join(places)}" for places, ids in found.items()]
    lines = [("Measured elsewhere", each) for each in told]
    for name, price in report.prices.get("machines", {}).items():
        hour = wording.dollars(float(price["usd_per_hour"]))
        lines.append((f"Price of {name}", f"{hour} an hour: {price['source']}, {price['as_of']}"))
    return lines


def same_machine(report: Report) -> str:
    """Whether all were measured on the same machine, as the end of a sentence."""
    seats = [row.measured_on for row in report.strategies if row.measured_on]
    if any(seating.apart for seating in seats):
        return ", but not all of them on the same machine"
    beside = any(seating.beside for seating in seats)
    return " on the same machine" + (", where other work ran beside some of them" if beside else "")
