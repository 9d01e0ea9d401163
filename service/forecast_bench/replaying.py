"""Every task at hand replayed at every budget, stored task by task as it is done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from benchmarks.belief.gate import PREDICTOR, Gate
from benchmarks.belief.measured import Measured
from benchmarks.belief.predictor import Predictor
from benchmarks.belief.rivals import Rule
from benchmarks.errors import BenchmarkError, Cancelled
from service.forecast_bench.agenda import (
    RESULTS,
    at_hand_of,
    attempt,
    others_at_hand,
)
from service.forecast_bench.checks import BUDGETS, HEADLINE
from service.forecast_bench.figures import Overall, TaskFigures, all_figures, overalls
from service.forecast_bench.gating import Gates
from service.forecast_bench.known import learned
from service.forecast_bench.measure import Bench
from service.forecast_bench.replay import Case, key_of, plan_of, replay, taught_by
from service.forecast_bench.replayed import (
    FORECAST,
    Replay,
    read_replays,
    replays_in,
    write_replays,
)
from service.forecast_bench.rivals import RIVALS, rival_replay
from service.forecast_bench.state import COMPARING, EVIDENCE, mixture
from service.forecast_bench.tasks import BenchTask, LeftOut
from service.forecast_bench.truth import Truth, truth_of


@dataclass(frozen=True)
class Replayed:
    """All replays of some tasks, what is true of them, and the tasks left out. `states` are those
    of the code that measured, by part."""

    replays: tuple[Replay, ...]
    truths: dict[str, Truth]
    left_out: tuple[LeftOut, ...]
    states: dict[str, list[str]]

    @property
    def found(self) -> list[Overall]:
        return overalls(self.replays, self.truths)

    @property
    def forecasts(self) -> list[TaskFigures]:
        """The forecast at every budget, task by task."""
        ours = [each for each in self.replays if each.way == FORECAST]
        return all_figures(ours, self.truths)

    @property
    def headline(self) -> list[TaskFigures]:
        """At the budget that targets are held against."""
        return [one for one in self.forecasts if one.replay.budget == HEADLINE]


class Teachers:
    """What other sources taught: predictors and rules, each fitted once a source and data."""

    def __init__(self, lessons: Sequence[Measured]) -> None:
        self.lessons = lessons
        self.predictor = cache(self._predictor)
        self.rules = cache(self._rules)

    def _predictor(self, source: str, data: str) -> Predictor:
        return Predictor.fit(taught_by(self.lessons, source, data))

    def _rules(self, source: str, data: str) -> tuple[Rule, ...]:
        return tuple(rule.fitted(taught_by(self.lessons, source, data)) for rule in RIVALS)


def replay_all(tasks: Sequence[BenchTask], bench: Bench, *, shipped: Path = RESULTS) -> Replayed:
    """Replay what is at hand of the tasks; those without a record or evidence are left out, told.

    A task is foretold by what tasks of other sources taught: those that are part of the
    repository, and those of `bench.out` at the same size. The predictor and each rule alone come
    first; what decides by their replays of other sources' tasks is what a user would be told.
    Raises Cancelled, StorageFull.
    """
    failed: dict[str, str] = {}
    cases: dict[str, Case] = {}
    codes: dict[str, list[tuple[str, ...]]] = {COMPARING: [], EVIDENCE: []}
    known = learned(bench, shipped)
    lessons = known.lessons
    before: dict[str, list[Replay]] = {}
    current: dict[str, list[Replay]] = {}
    alone: dict[str, list[Replay]] = {}
    replays: list[Replay] = []
    teachers = Teachers(lessons)

    def recall(name: str) -> None:
        before[name], keys = stored_of(name, bench, shipped), known.keys(name)
        fresh = {(each.way, each.budget): each for each in before[name] if each.key in keys}
        current[name] = [*fresh.values()]

    def find(task: BenchTask) -> None:
        found = at_hand_of(task, bench, shipped)
        if found is None:
            other = others_at_hand(task, bench, shipped)
            raise BenchmarkError(other or f"nothing was measured at the size {bench.size.name}.")
        if found.evidence is None:
            raise BenchmarkError(f"no evidence was collected at the size {bench.size.name}.")
        truth = truth_of(found.path, bench.out / "tasks")
        cases[task.name] = Case(task, found.record, found.evidence, truth)
        codes[COMPARING].append(found.record.task.code)
        codes[EVIDENCE].append(found.evidence.head.code)

    def foretell(task: BenchTask) -> None:
        name = task.name
        alone[name] = each_alone(cases[name], teachers, before.get(name, []), bench)
        keys = {each.key for each in alone[name]}
        ours = {e.budget: e for e in before.get(name, []) if is_shipped_by(e, keys)}
        write_replays(replays_in(bench.out, name), [*ours.values(), *alone[name]])

    def decide(task: BenchTask) -> None:
        name, case = task.name, cases[task.name]
        gates = Gates(lessons, known.truths, {**current, **alone})
        gate = gates.on(case.truth.source, task.data)
        told = as_shipped(case, alone[name], teachers, gate, before.get(name, []), bench)
        write_replays(replays_in(bench.out, name), [*told, *alone[name]])
        replays.extend([*told, *alone[name]])

    for name in known.evidence:
        attempt(partial(recall, name), name, bench, failed)
    for part in (find, foretell, decide):
        for task in tasks:
            if task.name not in failed:
                attempt(partial(part, task), task.name, bench, failed)
    for part_name, told in codes.items():
        if warning := mixture(told, part_name):
            bench.watching.say(f"Warning: {warning}")
    return Replayed(
        replays=tuple(replays),
        truths={name: case.truth for name, case in cases.items()},
        left_out=tuple(
            LeftOut(each.name, failed[each.name]) for each in tasks if each.name in failed
        ),
        states={
            name: sorted({each for one in told for each in one}) for name, told in codes.items()
        },
    )


def is_shipped_by(replay: Replay, keys: Collection[str]) -> bool:
    """Whether it is what ships where these are the keys of each way alone."""
    return replay.way == FORECAST and replay.key.partition(" ")[0] in keys


def each_alone(
    case: Case, teachers: Teachers, before: Sequence[Replay], bench: Bench
) -> list[Replay]:
    """The task at every budget, by the predictor and by each rule; what was replayed from the very
    same is not replayed again. Raises Cancelled."""
    known = {(each.way, each.budget, each.key): each for each in before}
    done = []
    of = (case.truth.source, case.task.data)
    for budget in BUDGETS:
        key = key_of(case.truth, case.evidence, case.task.data, teachers.lessons, budget)
        found = known.get((PREDICTOR, budget, key))
        if found is None:
            tell(case, budget, bench)
            found = replay(case, teachers.predictor(*of), budget, key, bench)
        done.append(found)
        for rule in teachers.rules(*of):
            done.append(rival_replay(rule, case, budget, key))
    return done


def as_shipped(
    case: Case,
    alone: Sequence[Replay],
    teachers: Teachers,
    gate: Gate,
    before: Sequence[Replay],
    bench: Bench,
) -> list[Replay]:
    """What a user would be told at every budget: what the predictor says `alone`, or, where the
    gate lets a rule decide, what rule and looks say together. Raises Cancelled."""
    predictor = teachers.predictor(case.truth.source, case.task.data)
    planned = plan_of(case, HEADLINE, bench).outlook
    way = gate.way_for(planned.run.task.kind, [entry.facts for entry in planned.fitting])
    known = {(each.way, each.budget, each.key): each for each in before}
    done = []
    for mine in (each for each in alone if each.way == PREDICTOR):
        key = f"{mine.key} {way}"
        if way == PREDICTOR:
            done.append(mine.model_copy(update={"way": FORECAST, "key": key}))
        elif found := known.get((FORECAST, mine.budget, key)):
            done.append(found)
        else:
            tell(case, mine.budget, bench, by=way)
            told = predictor.model_copy(update={"gate": gate})
            done.append(replay(case, told, mine.budget, key, bench, FORECAST))
    return done


def tell(case: Case, budget: float, bench: Bench, by: str = PREDICTOR) -> None:
    """Raises Cancelled where that was asked for."""
    if bench.watching.cancelled():
        raise Cancelled(f"stopped at {case.task.name}; run again to continue.")
    bench.watching.say(f"{case.task.name}: forecast at {budget:.0%} by the {by}")


def stored_of(name: str, bench: Bench, shipped: Path) -> list[Replay]:
    """All replays of a task at hand, those of `bench.out` last."""
    return [each for place in (shipped, bench.out) for each in stored(replays_in(place, name))]


def stored(path: Path) -> list[Replay]:
    return read_replays(path) if path.is_file() else []
