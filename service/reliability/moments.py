"""When to kill: at random moments, and in those phases that were hit too seldom. Pure.

A phase is what the progress of a comparison said last. Between the end of a worker and the first
progress of the next one nothing is computed: it is RECOVERING.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Kill = Mapping[str, Any]
"""`victim`, `phase`, and how many seconds after the comparison's beginning, `s`."""
BEGIN, RECOVERING, BETWEEN, FINISH = "begin", "recovering", "between", "finish"
RACING, PROBING = "racing", "probing"
PHASES = (BEGIN, "preparing", RACING, "timing", "answering", "checking", PROBING, FINISH)
"""Those in which a comparison has to be hit. BETWEEN two strategies, and while it is RECOVERING, it
is hit by chance alone."""
ANY: frozenset[str] = frozenset()
"""Any moment will do."""


def phase_of(shown: Mapping[str, Any]) -> str:
    """Where a comparison is, as the API shows it; its state where it does not run."""
    if shown["state"] != "running":
        return str(shown["state"])
    progress = shown["progress"]
    rows = progress["strategies"]
    if not rows:
        return BEGIN
    under_way = [row["phase"] for row in rows if row["phase"] != "done"]
    if under_way:  # who is still to be taken stands where the race left it
        return str(max(under_way, key=lambda phase: phase != RACING))
    return FINISH if len(rows) >= progress["total"] else BETWEEN


def aim(kills: Sequence[Kill], victim: str, left: int, least: int) -> frozenset[str]:
    """The phases in one of which the next of the kills that are `left` has to be, whichever comes
    first; none for any moment.

    Every second one goes where this victim was hit least. In the end all go where less than
    `least` were, of whatever victim.
    """
    hit = Counter(kill["phase"] for kill in kills)
    lacking = {phase: least - hit[phase] for phase in PHASES if hit[phase] < least}
    if sum(lacking.values()) >= left:
        return frozenset(lacking)
    if len(kills) % 2 == 0:
        return ANY
    mine = Counter(kill["phase"] for kill in kills if kill["victim"] == victim)
    fewest = min(mine[phase] for phase in PHASES)
    return frozenset(phase for phase in PHASES if mine[phase] == fewest)


class Progressing:
    """Follows what the API shows of one comparison."""

    def __init__(self) -> None:
        self._last: Mapping[str, Any] | None = None
        self._since_kill: Mapping[str, Any] | None = None

    def worker_died(self) -> None:
        """What was shown last is what the one before did."""
        self._since_kill = self._last

    def phase(self, shown: Mapping[str, Any]) -> str:
        """The phase that `shown` tells."""
        phase, self._last = phase_of(shown), shown["progress"]
        if self._since_kill is not None:
            if shown["state"] == "running" and self._since_kill == shown["progress"]:
                return RECOVERING
            self._since_kill = None
        return phase


def spread(kills: Sequence[Kill]) -> dict[str, dict[str, int]]:
    """How often each victim was hit in each phase."""
    found: dict[str, dict[str, int]] = {}
    for kill in kills:
        row = found.setdefault(kill["victim"], {})
        row[kill["phase"]] = row.get(kill["phase"], 0) + 1
    return found
