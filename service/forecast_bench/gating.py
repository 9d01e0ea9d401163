"""What decides a forecast: the predictor alone held against simple rules, on their replays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.belief.gate import PREDICTOR, Gate, Held, decided
from benchmarks.belief.measured import Measured
from corpora.task import Kind
from service.forecast_bench.checks import HEADLINE
from service.forecast_bench.figures import Overall, overalls
from service.forecast_bench.replay import taught_by
from service.forecast_bench.replayed import FORECAST, Replay
from service.forecast_bench.truth import Truth


@dataclass(frozen=True)
class Gates:
    """Of measured tasks, by name, what is true and what each way said; their lessons tell which of
    them are of another source."""

    lessons: Sequence[Measured]
    truths: Mapping[str, Truth]
    replays: Mapping[str, Sequence[Replay]]

    def on(self, source: str, data: str) -> Gate:
        """What decides on a task of that source and data, by tasks of others alone."""
        others = taught_by(self.lessons, source, data)
        told = [each for one in others for each in self.replays.get(one.name, ())]
        return gate_from(told, self.truths, {one.name: one.kind for one in others})


def gate_from(
    replays: Iterable[Replay], truths: Mapping[str, Truth], kinds: Mapping[str, Kind]
) -> Gate:
    """By what the predictor alone and each rule said at the headline budget. What ships follows
    from it, and is not asked."""
    told = [each for each in replays if each.budget == HEADLINE and each.way != FORECAST]
    tasks = {each.task for each in told if each.way == PREDICTOR}
    ways = overalls([each for each in told if each.task in tasks], truths)
    return decided(
        [held(each) for each in ways],
        kinds=Counter(kinds[name] for name in sorted(tasks)),
        sources=len({truths[name].source for name in tasks}),
        budget=HEADLINE,
    )


def held(one: Overall) -> Held:
    return Held(
        way=one.way,
        mean_regret=round(one.mean_regret, 5),
        mean_regret_error=round(one.mean_regret_error, 5),
        worst_regret=round(one.worst_regret, 5),
        go_no_go=round(one.calls.accuracy[0], 5),
        calls=one.calls.made,
    )
