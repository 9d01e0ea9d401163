"""What decides a forecast: the predictor alone held against simple rules, on their replays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.belief.gate import PREDICTOR, Gate, Held, decided
from benchmarks.belief.measured import Measured
from benchmarks.belief.rivals import RIVALS
from service.forecast_bench.checks import HEADLINE
from service.forecast_bench.figures import Overall, overalls
from service.forecast_bench.replay import taught_by
from service.forecast_bench.replayed import Replay
from service.forecast_bench.truth import Truth

WAYS = (PREDICTOR, *(rule.name for rule in RIVALS))


@dataclass(frozen=True)
class Gates:
    """Of measured tasks, by name, what is true and what each way said; their lessons tell which of
    them are of another source."""

    lessons: Sequence[Measured]
    truths: Mapping[str, Truth]
    replays: Mapping[str, Sequence[Replay]]

    def on(self, source: str, data: str) -> Gate:
        """What decides on a task of that source and data. Whether anything but the predictor may
        hangs on how many tasks were tested, this one among them; which way, on what was said of
        tasks of other sources. So the gate tells the number of all, and figures of the others.

        Those were foretold by what this task taught, too: so far it has a say in the choice of a
        way, and none in what that way says.
        """
        others = {one.name for one in taught_by(self.lessons, source, data)}
        tested = [one for one in self.lessons if is_tested(self.replays.get(one.name, ()))]
        heard = [each for one in tested if one.name in others for each in self.replays[one.name]]
        return gate_from(heard, self.truths, tested)


def is_tested(replays: Iterable[Replay]) -> bool:
    """By every way at the headline budget."""
    return {each.way for each in replays if each.budget == HEADLINE} >= set(WAYS)


def gate_from(
    replays: Iterable[Replay], truths: Mapping[str, Truth], tested: Sequence[Measured]
) -> Gate:
    """By what the predictor alone and each rule said at the headline budget, where these tasks were
    tested. What ships follows from it, and is not asked."""
    told = [each for each in replays if each.budget == HEADLINE and each.way in WAYS]
    return decided(
        [held(each) for each in overalls(told, truths)],
        kinds=Counter(one.kind for one in tested),
        models={s.model for one in tested for s in one.strategies if s.model is not None},
        sources=len({truths[each.task].source for each in told}),
        budget=HEADLINE,
    )


def held(one: Overall) -> Held:
    return Held(
        way=one.way,
        mean_regret=round(one.mean_regret, 5),
        mean_regret_error=round(one.mean_regret_error, 5),
        worst_regret=round(one.worst_regret, 5),
        mean_to_winner=round(one.mean_to_winner, 5),
        go_no_go=round(one.calls.accuracy[0], 5),
        calls=one.calls.made,
    )
