"""`tuneworth what-if`: another volume, price or need, answered from a finished comparison."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from service.cli_options import common
from service.exits import DONE, Refused
from service.terminal import console

if TYPE_CHECKING:
    from rich.table import Table

    from service.what_if import WhatIf

EXPONENT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+")


@click.command("what-if")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@click.option("--requests-per-month", type=float, help="Another volume.")
@click.option("--horizon-months", type=float, help="Another horizon.")
@click.option("--quality-at-least", type=float, help="Another quality bar, 0 to 1.")
@click.option("--latency-p95-ms", type=float, help="Another latency that 95% must keep.")
@click.option("--practical-margin", type=float, help="Another difference that does not matter.")
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="KEY=VALUE",
    help="usd_per_hour, MACHINE.usd_per_hour, or MODEL.input, .cached, .output; repeat it.",
)
@click.option(
    "--set",
    "others",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other need of a task, or deployment.replicas and its kin; repeat it.",
)
@common
def what_if(
    folder: str, prices: tuple[str, ...], others: tuple[str, ...], as_json: bool, **named: Any
) -> int:
    """Ask the comparison in DIR what it would say under other needs, prices or volumes.

    Nothing is run again: costs, break-even volumes, the recommendation and its switch points
    follow from the stored measurements.
    """
    from benchmarks.costs import read_prices
    from service.what_if import stored_in
    from service.what_if import what_if as ask

    changes = {name: value for name, value in named.items() if value is not None}
    for key, value in pairs("--set", others):
        put(changes, key, value)
    if prices:
        changes["prices"] = dict(pairs("--price", prices))
    if not changes:
        fix = "For example: --requests-per-month 100000 --price usd_per_hour=0.2"
        raise Refused("Nothing is changed.", fix)
    if not (Path(folder) / "report.json").is_file():
        raise Refused(f"{folder} holds no report.json.", "Give the --out folder of a comparison.")
    found = ask(stored_in(Path(folder)), changes, read_prices())
    if as_json:
        print(found.as_json(), end="")
    else:
        show(found)
    return DONE


def pairs(option: str, told: Iterable[str]) -> list[tuple[str, Any]]:
    """KEY=VALUE with the value as YAML reads it, so that numbers, lists and null are meant."""
    import yaml

    found = []
    for text in told:
        key, sign, value = text.partition("=")
        if not key.strip() or not sign:
            raise Refused(f"{option} {text} is no KEY=VALUE.", f"Write {option} key=value.")
        try:
            found.append((key.strip(), number_or(yaml.safe_load(value))))
        except yaml.YAMLError:
            fix = "Write a number, a word, null or {a: 1}."
            raise Refused(f"{option} {text}: its value cannot be read.", fix) from None
    return found


def number_or(value: Any) -> Any:
    """A number where it is one in a form that YAML takes for a word, such as 1e5."""
    if not isinstance(value, str) or not EXPONENT.fullmatch(value):
        return value
    number = float(value)
    return int(number) if number.is_integer() else number


def put(changes: dict[str, Any], key: str, value: Any) -> None:
    """Set a field; `deployment.replicas` is one inside another."""
    outer, dot, inner = key.partition(".")
    if dot and isinstance(changes.setdefault(outer, {}), dict):
        changes[outer][inner] = value
    else:
        changes[key] = value


def show(found: "WhatIf") -> None:
    """What was changed, the answer before and after, and every bill."""
    from service.wording import verdict

    to = console()
    to.print(f"What if, in {found.task}:", style="bold", markup=False)
    for one in found.changed:
        to.print(f"  {one.what}: {told(one.before)} → {told(one.after)}", markup=False)
    if not found.changed:
        to.print("  nothing differs from what the comparison was asked.")
    to.print()
    to.print(costs_table(found))
    to.print()
    for name, answer in (("before", found.before), ("after", found.after)):
        head = verdict(answer.verdict, answer.commit_to_fine_tuning)
        chosen = f": {answer.strategy}" if answer.strategy else ""
        to.print(f"{name}: {head}{chosen}", style="bold", markup=False)
    if found.same_answer:
        to.print("The answer stays.")
    to.print()
    say_all(to, found.after.reasons)
    for need in found.after.unmet_needs:
        to.print(f"  - not met: {need}", markup=False, style="yellow")
    if found.after.would_change_if:
        to.print("What would change it:")
        say_all(to, found.after.would_change_if)


def say_all(to: Any, sentences: Sequence[str]) -> None:
    for sentence in sentences:
        to.print(f"  - {sentence}", markup=False)


def told(value: Any) -> str:
    """`–` for what is not stated."""
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def costs_table(found: "WhatIf") -> "Table":
    """Every strategy's bill before and after, cheapest first."""
    from rich.table import Table

    from service.wording import dollars, milliseconds

    loaded = any(row.load_after for row in found.costs)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("strategy", overflow="fold")
    heads = ["per 1,000 before", "after", "horizon before", "after"]
    for head in [*heads, *(["replicas", "p95 under load"] if loaded else [])]:
        table.add_column(head, justify="right", no_wrap=True)

    def shown(value: float | None) -> str:
        return "–" if value is None else dollars(value)

    def dearness(row: Any) -> float:
        horizon = row.after.horizon_usd if row.after else None
        return float("inf") if horizon is None else float(horizon)

    for row in sorted(found.costs, key=dearness):
        bills = (row.before, row.after)
        cells = [shown(bill.per_1k_requests_usd if bill else None) for bill in bills]
        cells += [shown(bill.horizon_usd if bill else None) for bill in bills]
        if loaded:
            load = row.load_after
            cells += [str(load.replicas), milliseconds(load.p95)] if load else ["–", "–"]
        chosen = row.strategy == found.after.strategy
        table.add_row(row.strategy, *cells, style="bold" if chosen else None)
    return table
