"""An attack, and the guard that stands in its way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


class Refused(Exception):
    """The attack was refused in the way it should be; the message says how."""


@dataclass(frozen=True)
class Attack:
    """`attempt` is given an empty folder, and returns how the attack got through.

    Where it is refused it raises Refused, InvalidInput or BadArchive; any other error means that
    the attack itself is broken and shows nothing. One that makes the service work for ever, or
    takes its memory, gets through by not ending within `seconds`, or by being stopped. Where the
    former is what the guard prevents, `busy_after` is how long it is waited for without it.

    `guard` names what stands in its way ("module:name", "module:Class.name") and what is put in
    its place to show that nothing else does. It is replaced before the attempt, in a process of
    the attempt's own. With several, each of them alone would refuse the attack.
    """

    name: str
    attempt: Callable[[Path], str]
    guard: Mapping[str, object]
    seconds: float = 90.0
    busy_after: float | None = None

    def open_guard(self) -> None:
        """Replace the guard in this process, for good."""
        for place, replacement in self.guard.items():
            module, _, path = place.partition(":")
            *owners, name = path.split(".")
            owner: Any = import_module(module)
            for each in owners:
                owner = getattr(owner, each)
            if not hasattr(owner, name):
                raise AttributeError(f"{self.name}: there is no guard {place}")
            setattr(owner, name, replacement)


def nothing(*_: Any, **__: Any) -> None:
    """In the place of a guard that raises."""


def as_it_is(text: str, *_: object) -> str:
    """In the place of a guard that makes another text of one."""
    return text
