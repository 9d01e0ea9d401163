"""Trying an attack in a process of its own, with its guard or without."""

import multiprocessing
import traceback
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from corpora.errors import InvalidInput
from service.reliability.attacks.attack import Refused
from service.reliability.attacks.registry import ATTACKS
from strategies.errors import BadArchive

REFUSALS = (Refused, InvalidInput, BadArchive)
MOST_MEMORY = 6 * 2**30
"""Of the process, so that an attack on memory takes this one's and not the machine's."""


@dataclass(frozen=True)
class Outcome:
    """Whether the attack got through, and how, or how it was refused."""

    through: bool
    how: str
    seconds: float


class BrokenAttack(Exception):
    """The attempt failed in a way that shows neither; the message is its traceback."""


def try_attack(name: str, *, guarded: bool) -> Outcome:
    """Raises BrokenAttack."""
    attack = ATTACKS[name]
    limit = attack.seconds if guarded or attack.busy_after is None else attack.busy_after
    here, there = processes().Pipe(duplex=False)
    with TemporaryDirectory(prefix="tuneworth-attack-") as folder:
        process = processes().Process(target=_attempt, args=(name, guarded, folder, there))
        process.start()
        there.close()
        began = monotonic()
        try:
            if here.poll(limit):
                end, how = here.recv()
            else:
                end, how = "through", f"still busy after {limit:g} s"
        except EOFError:
            end, how = "through", "the process died of it"
        finally:
            process.kill()
            process.join()
            here.close()
    if end == "broken":
        raise BrokenAttack(f"{name}: {how}")
    return Outcome(end == "through", how, monotonic() - began)


@cache
def processes() -> Any:
    """Each process begins as a copy of one that has loaded the service and done nothing else."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "service.app", "service.jobs", "corpora.reading"])
    return context


def _attempt(name: str, guarded: bool, folder: str, to: Connection) -> None:
    if find_spec("resource"):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    attack = ATTACKS[name]
    try:
        if not guarded:
            attack.open_guard()
        to.send(("through", attack.attempt(Path(folder))))
    except REFUSALS as error:
        to.send(("refused", str(error)))
    except (MemoryError, RecursionError) as error:
        to.send(("through", type(error).__name__))
    except Exception:  # a fault of the attack, told to whoever tries it
        to.send(("broken", traceback.format_exc()))
        raise
