"""Everything that cheap evidence can say of a task, found once, so that a forecast can be replayed
on it at any budget. Training and validation rows only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.errors import BenchmarkError, Cancelled
from benchmarks.evidence.finding import Action, Finding, Source

Deed = tuple[str, str | None, int, float]


def collect(
    source: Source,
    *,
    known: Sequence[Finding] = (),
    keep: Callable[[Finding], None],
    say: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> tuple[Finding, ...]:
    """Take every action that the source offers, the quickest first, until it offers none.

    `known` are findings of an earlier call, which the source has been told; `keep` stores each
    new one before the next begins. Raises Cancelled, and BenchmarkError where a source offers
    what was done already: it would never end.
    """
    found = list(known)
    done = {deed_of(each.action) for each in found}
    while actions := source.actions():
        action = min(actions, key=lambda each: (each.seconds, told(each)))
        if deed_of(action) in done:
            raise BenchmarkError(f"the evidence of {told(action)} is offered a second time.")
        if cancelled():
            raise Cancelled(f"stopped before {told(action)}; run again to continue.")
        finding = source.take(action)
        keep(finding)
        found.append(finding)
        done.add(deed_of(action))
        say(result(finding))
    return tuple(found)


def deed_of(action: Action) -> Deed:
    """What tells an action from others: its expected seconds may change."""
    return action.deed, action.strategy, action.rows, action.share


def told(action: Action) -> str:
    """`rows prompt.nearest, 32 rows`, `pilot lora, 10%`."""
    about = f"{action.deed} {action.strategy}" if action.strategy else action.deed
    size = f"{action.share:.0%}" if action.deed == "pilot" else f"{action.rows} rows"
    return f"{about}, {size}"


def result(finding: Finding) -> str:
    if finding.trouble:
        return f"{told(finding.action)}: nothing ({finding.trouble}), {finding.seconds:.1f} s"
    figures = ", ".join(f"{name} {value:.3g}" for name, value in finding.figures.items())
    return f"{told(finding.action)}: {figures}, {finding.seconds:.1f} s"
