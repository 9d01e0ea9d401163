"""Options that several commands share."""

from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

import rich_click as click

Command = TypeVar("Command", bound=Callable[..., Any])

DEBUGGING = "tuneworth.debugging"


def is_debugging(ctx: click.Context) -> bool:
    """Whether the user asked for tracebacks."""
    return bool(ctx.meta.get(DEBUGGING))


def _remember(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    # `meta` is shared by the contexts of group and command, so the group's handler sees it
    ctx.meta[DEBUGGING] = value


debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_remember,
    help="Show the traceback of an error.",
)


def common(command: Command) -> Command:
    """Adds `--json`, handed to the command as `as_json`, and `--debug`."""
    json_option = click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON document on stdout, and everything else on stderr.",
    )
    return json_option(debug_option(command))


class Amount(click.FloatRange):
    """A finite number within the range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = float(super().convert(value, param, ctx))
        if not isfinite(found):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return found


def spending_limits(command: Command) -> Command:
    """Adds `--spend-at-most` and `--tokens-at-most`."""
    usd = click.option(
        "--spend-at-most",
        type=Amount(min=0, min_open=True),
        metavar="USD",
        help="Never pay hosted models more (a comparison that goes on counts what it paid before): "
        "an answer that would is an error instead. Agrees to costs up to it.",
    )
    tokens = click.option(
        "--tokens-at-most",
        type=click.IntRange(min=1),
        metavar="N",
        help="Never let hosted models read and write more tokens, in the same way.",
    )
    return usd(tokens(command))


def comma_separated(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """`a,b` as ("a", "b"), without empty parts and repetitions; None where not given."""
    if value is None:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not names:
        raise click.BadParameter("name at least one, or leave the option out.")
    return names
