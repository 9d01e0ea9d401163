"""`tuneworth keys`: who may use a server that others can reach."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from service.cli_options import comma_separated, common
from service.terminal import console, print_json

if TYPE_CHECKING:
    from service.settings import Settings
    from service.storage import KeyRow

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the database. [default: TUNEWORTH_DATA]",
)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys.

    Once there is a key, the server takes no request without one.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--scopes",
    callback=comma_separated,
    default="read,run",
    show_default=True,
    help="Of read, run (submit, start, cancel, remove) and admin (everything, of everybody).",
)
@click.option(
    "--per-minute",
    default=600,
    show_default=True,
    help="Requests a minute, at most so many at once.",
)
@click.option(
    "--usd-per-month",
    default=0.0,
    show_default=True,
    help="What may be agreed to for hosted models in a month.",
)
@data_option
@common
def add(
    name: str,
    scopes: tuple[str, ...],
    per_minute: int,
    usd_per_month: float,
    data: Path | None,
    as_json: bool,
) -> None:
    """Make a key for NAME and show it, this once.

    Keys of the same NAME see the same tasks: make a second one before you revoke the first. What
    was made before there were keys is seen by keys with the scope admin.
    """
    from service.keys import Limits, open_keys

    limits = Limits(per_minute, usd_per_month)
    with open_keys(_settings(data)) as found:
        row, text = found.add(name, scopes, limits)
    if as_json:
        print_json({**_facts(row), "key": text})
        return
    print(text)
    told = f"Key {row.id} of {row.name}. It is not stored and cannot be shown again."
    console(stderr=True).print(told, soft_wrap=True)


@keys.command("list")
@data_option
@common
def show(data: Path | None, as_json: bool) -> None:
    """List the keys, the revoked ones too, without what makes them work."""
    from service.keys import open_keys

    with open_keys(_settings(data)) as found:
        rows = [_facts(row) for row in found.rows()]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    columns = ("id", "name", "scopes", "a minute", "USD a month", "made", "revoked")
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        limits = (str(row["per_minute"]), f"{row['usd_per_month']:.2f}")
        times = (row["created_at"][:10], (row["revoked_at"] or "")[:10])
        table.add_row(row["id"], row["name"], ",".join(row["scopes"]), *limits, *times)
    console().print(table)


@keys.command()
@click.argument("key_id", metavar="ID")
@data_option
@common
def revoke(key_id: str, data: Path | None, as_json: bool) -> None:
    """Put the key ID out of force for good; a running server refuses it within a second."""
    from service.keys import open_keys

    with open_keys(_settings(data)) as found:
        row = found.revoke(key_id)
    if as_json:
        print_json(_facts(row))
    else:
        console().print(f"Key {row.id} of {row.name} is revoked.", soft_wrap=True)


def _settings(data: Path | None) -> "Settings":
    from service.settings import Settings

    settings = Settings.from_environment()
    return replace(settings, data=data.absolute()) if data else settings


def _facts(row: "KeyRow") -> dict[str, Any]:
    names = ("id", "name", "per_minute", "usd_per_month", "created_at", "revoked_at")
    return {**{name: getattr(row, name) for name in names}, "scopes": row.scopes.split(",")}
