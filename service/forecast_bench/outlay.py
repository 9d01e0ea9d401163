"""What is still to be measured, and at most how long that takes and what it costs.

Nothing is loaded for it. Comparisons and further seeds are quoted as such. Evidence is counted as
one comparison more: it answers validation rows, mostly fewer than there are test rows, prepares
each strategy once, and trains no further than the comparison does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from service.comparing import chosen_strategies, plan
from service.forecast_bench.agenda import RESULTS, at_hand_of, attempt
from service.forecast_bench.measure import Bench, trained
from service.forecast_bench.tasks import BenchTask
from service.forecast_bench.tokens import repeated_tasks

EVIDENCE_SHARE = 1.0
"""Of the comparison's quote: more than all cheap evidence takes."""


@dataclass(frozen=True)
class Outlay:
    """How many tasks lack a comparison, evidence, or seeds; seconds and dollars are upper bounds
    by the quotes, the dollars those of hosted models alone."""

    comparisons: int = 0
    evidence: int = 0
    seeds: int = 0
    seconds: float = 0.0
    usd: float = 0.0


def outlay_of(
    tasks: Sequence[BenchTask], wanted: Sequence[str], bench: Bench, *, shipped: Path = RESULTS
) -> Outlay:
    """Of the `wanted` tasks; all of the folder say which have several seeds. A task that cannot
    be quoted is told, and counted nowhere: it will break likewise when its turn comes."""
    done: list[Outlay] = []
    failed: dict[str, str] = {}
    several = seeded(tasks, bench, failed, shipped)

    def look(task: BenchTask) -> None:
        done.append(of_task(task, bench, shipped, several=task.name in several))

    for task in tasks:
        if task.name in wanted and task.name not in failed:
            attempt(partial(look, task), task.name, bench, failed)
    return Outlay(
        comparisons=sum(each.comparisons for each in done),
        evidence=sum(each.evidence for each in done),
        seeds=sum(each.seeds for each in done),
        seconds=sum(each.seconds for each in done),
        usd=sum(each.usd for each in done),
    )


def seeded(
    tasks: Sequence[BenchTask], bench: Bench, failed: dict[str, str], shipped: Path
) -> set[str]:
    """The tasks that may have several seeds: before all tokens are counted any may."""
    tokens: dict[str, int] = {}

    def count(task: BenchTask) -> None:
        found = at_hand_of(task, bench, shipped)
        if found is not None:
            tokens[task.name] = found.record.task.training_tokens

    for task in tasks:
        attempt(partial(count, task), task.name, bench, failed)
    known = len(tokens) == len(tasks) or not bench.size.repeated
    return set(
        repeated_tasks(tokens, bench.size.repeated) if known else [task.name for task in tasks]
    )


def of_task(task: BenchTask, bench: Bench, shipped: Path, *, several: bool) -> Outlay:
    found = at_hand_of(task, bench, shipped)
    compare = found is None
    evidence = found is None or found.evidence is None
    done = found.record.seeds if found is not None else bench.size.seeds[:1]
    # a record without evidence is copied beside what is found, and gone on with there
    ours = evidence or (found is not None and found.path == bench.record(task.name))
    lacking = [seed for seed in bench.size.seeds if seed not in done] if several and ours else []
    strategies = chosen_strategies(task.dataset.task, bench.size.strategies)
    again = [each.name for each in trained(task.dataset, strategies)] if lacking else []
    seconds = usd = 0.0
    for share, names in (
        (compare + EVIDENCE_SHARE * evidence, bench.size.strategies),
        (float(len(lacking)) if again else 0.0, again),
    ):
        if share:
            quoted = plan(task.dataset, strategies=names, prices=bench.prices, probes=False)
            seconds += share * quoted.quote.seconds
            usd += share * quoted.paid_usd
    return Outlay(int(compare), int(evidence), int(bool(again)), seconds, usd)
