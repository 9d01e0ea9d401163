"""The predictor that comes with Tuneworth, fitted to the committed records, and what decides.

`python -m service.forecast_bench.shipping` writes both. What each task taught follows from its
record and its evidence; whether the predictor decides or a simple rule that did better follows
from the replays beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.belief.gate import FEWEST_TASKS, Gate
from benchmarks.belief.measured import Measured
from benchmarks.belief.predictor import SHIPPED, Predictor
from benchmarks.errors import BenchmarkError
from service.forecast_bench.agenda import RESULTS, AtHand, at_hand, names_in
from service.forecast_bench.checks import HEADLINE
from service.forecast_bench.gating import gate_from, is_tested
from service.forecast_bench.lessons import in_order, lesson_of, lessons_published
from service.forecast_bench.replay import key_of
from service.forecast_bench.replayed import Replay, read_replays, replays_in
from service.forecast_bench.truth import Truth, truth_of


def predictor_from(place: Path) -> Predictor:
    """Fitted to a folder of results, with what its replays decide.

    Raises BenchmarkError where the replays are of something else than what ships.
    """
    found = [each for name in names_in(place) if (each := at_hand(place, name))]
    truths = {each.name: truth_of(each.path, place / "tasks") for each in found}
    whole = [lesson_of(each.record, truths[each.name], each.evidence) for each in found]
    lessons = in_order(whole, lessons_published(place))
    gate = gate_of(found, truths, lessons, place)
    return Predictor.fit(lessons).model_copy(update={"gate": gate})


def gate_of(
    found: Sequence[AtHand], truths: dict[str, Truth], lessons: Sequence[Measured], place: Path
) -> Gate:
    """From the tasks that have evidence, each foretold by what tasks of other sources taught."""
    tasks = [each for each in found if each.evidence is not None]
    replays = {each.name: replays_of(each, truths[each.name], lessons, place) for each in tasks}
    stale = [name for name, each in replays.items() if not is_tested(each)]
    if len(tasks) >= FEWEST_TASKS and stale:
        raise BenchmarkError(
            f"no replays at {HEADLINE:.0%} by this code and these records: {', '.join(stale)}."
            f" Run: tuneworth bench forecast DIR --replay-only --out {place}"
        )
    fresh = {name: of for name, of in replays.items() if name not in stale}
    tested = [lesson for lesson in lessons if lesson.name in fresh]
    return gate_from([each for of in fresh.values() for each in of], truths, tested)


def replays_of(
    task: AtHand, truth: Truth, lessons: Sequence[Measured], place: Path
) -> list[Replay]:
    """What was replayed of the very same at the headline budget, by every way."""
    path = replays_in(place, task.name)
    if task.evidence is None or not path.is_file():
        return []
    key = key_of(truth, task.evidence, task.record.task.data, lessons, HEADLINE)
    return [each for each in read_replays(path) if each.key == key and each.budget == HEADLINE]


def main() -> None:
    """Fit the predictor anew."""
    predictor = predictor_from(RESULTS)
    predictor.write(SHIPPED)
    print(f"{SHIPPED}: {len(predictor.tasks)} tasks. {predictor.gate.why}")


if __name__ == "__main__":
    main()
