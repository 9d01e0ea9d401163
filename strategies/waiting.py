"""How the threads of matrix kernels wait for each other, decided once before torch is loaded."""

from __future__ import annotations

import os
import sys

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
BUSY = 20.0
"""Per cent of all cores that others may use before threads had better sleep."""
LOOK_SECONDS = 0.25


def settle_waiting(*, alone: bool) -> None:
    """Let threads sleep while they wait where other work shares the machine, else spin.

    Spinning, torch's default, is quicker while nobody else computes, and several times slower
    than sleeping where a second process does: every kernel then waits for a lost time slice.
    Without `alone` (a worker beside a server) they sleep; with it they sleep where the machine
    is busy now. The user's own settings stand; once torch is loaded nothing can be changed.
    """
    if "torch" in sys.modules or any(name in os.environ for name in SETTINGS):
        return
    if not alone or others_busy():
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def others_busy() -> bool:
    """Whether the machine computes while this process does not; takes a quarter of a second."""
    import psutil

    return bool(psutil.cpu_percent(interval=LOOK_SECONDS) > BUSY)
