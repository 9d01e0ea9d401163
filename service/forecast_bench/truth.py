"""What the exhaustive comparison of a task found: its answer, its winner on half the rows, and
how good every strategy is, with the noise of that. Computed from the task's record alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError

from benchmarks.records import Record
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from corpora.task import Frozen
from service.choosing import Case, build_case
from service.commitment import Commit, commit
from service.forecast_bench.compact import records_of
from service.forecast_bench.halves import SPLITS, crossings
from service.forecast_bench.noise import Losses, row_variance
from service.forecast_bench.record import TaskRecord, read_record
from service.forecast_bench.tracks import (
    counted_rows,
    marks_in,
    mean_qualities,
    seeds_in,
    tracks_by_strategy,
    trained_with,
)
from service.published import write_atomically
from service.suitability import TRIVIAL

ROOT = Path(__file__).parent.parent.parent
RULE = (
    *("service/recommendation.py", "service/choosing.py", "service/commitment.py"),
    *("service/evidence.py", "service/stopped.py"),
    *("service/suitability.py", "service/changing.py", "service/forecast_bench/truth.py"),
    *("service/forecast_bench/halves.py", "service/forecast_bench/compact.py"),
    *("service/forecast_bench/noise.py", "service/forecast_bench/tracks.py"),
    "benchmarks/belief/traits.py",
    *("benchmarks/summary.py", "benchmarks/quality.py", "benchmarks/statistics.py"),
    *("benchmarks/paired.py", "benchmarks/pairs.py", "benchmarks/families.py"),
    *("benchmarks/odds.py", "benchmarks/pricing.py", "benchmarks/upkeep.py"),
    *("benchmarks/resampling.py", "benchmarks/spending.py", "benchmarks/track.py"),
    *("benchmarks/aggregates.py", "benchmarks/costs.py", "benchmarks/load.py"),
    *("benchmarks/choice.py", "benchmarks/contest.py", "benchmarks/incumbent.py"),
    *("benchmarks/anytime.py", "benchmarks/race_records.py", "benchmarks/standing.py"),
    *("benchmarks/metrics.py", "benchmarks/text_metrics.py", "benchmarks/json_metrics.py"),
    "benchmarks/distributions.py",
    *("benchmarks/style_metrics.py", "benchmarks/judging.py", "benchmarks/grounding.py"),
    *("benchmarks/records.py", "benchmarks/results.py", "benchmarks/behaviour_results.py"),
)
"""What decides: an answer computed by another version of it is computed anew."""


class Known(Frozen):
    """How good a strategy is on all test rows, the mean over its seeds, 0 to 1.

    `variance` is that of test rows alone: what another draw of them would move. `p_best` is the
    chance that no other is better. `n` counts rows, and `trainings` the adapters that the value is
    the mean of, 0 for what trains none.
    """

    value: float
    variance: float
    p_best: float
    n: int
    trainings: int = 0


class Audit(Frozen):
    """The winner that half the rows choose by the rule of the comparison, and what the others say
    of all strategies. `nothing` is what the winner is worth where there is none: the best that
    takes no thought, 0 where none was measured."""

    winner: str | None
    qualities: dict[str, float]
    nothing: float


class Truth(Frozen):
    """`winners` and `commits` are by seed: the recommended strategy, None where nothing is, and
    whether to commit. `errors` are the standard errors of the regret of picking each strategy, and
    `error_of_nothing` that of picking none or one that was never measured: by the jackknife over
    the test rows' groups, given the winners of halves. `seed_variance` is what a quality varies by
    between trainings that differ by their seed alone, with so many degrees of `seed_freedom`, 0
    where nothing was trained twice. `key` is the digest of what it was computed from.
    """

    key: str
    name: str
    source: str
    margin: float
    winners: tuple[str | None, ...]
    commits: tuple[Commit, ...]
    known: dict[str, Known]
    audits: tuple[Audit, ...]
    errors: dict[str, float] = Field(default_factory=dict)
    error_of_nothing: float = 0.0
    seed_variance: float = 0.0
    seed_freedom: int = 0
    seconds: float
    operations: float

    @property
    def commit(self) -> Commit:
        """What most seeds answer; "not yet" where none has most."""
        (first, most), *others = Counter(self.commits).most_common(2)
        return "not yet" if others and others[0][1] == most else first

    @property
    def winner(self) -> str | None:
        """What most seeds recommend; of several the first."""
        return Counter(self.winners).most_common(1)[0][0]


def truth_of(path: Path, place: Path) -> Truth:
    """That of the record at `path`: as an earlier call left it beside the record or in `place`,
    else computed (up to a minute for a task with several seeds) and left in `place`."""
    key = key_of(path)
    for kept in (truth_in(path.parent, path.stem), truth_in(place, path.stem)):
        found = kept_in(kept)
        if found is not None and found.key == key:
            return found
    found = computed(read_record(path), key)
    place.mkdir(parents=True, exist_ok=True)
    write_atomically(truth_in(place, path.stem), found.model_dump_json(indent=1) + "\n")
    return found


def kept_in(path: Path) -> Truth | None:
    """None for no file, and for one that cannot be read: it is computed again."""
    try:
        return Truth.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def truth_in(place: Path, name: str) -> Path:
    return place / f"{name}.truth.json"


def key_of(path: Path) -> str:
    digest = hashlib.sha256(rule_code().encode())
    digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def rule_code() -> str:
    digest = hashlib.sha256()
    for name in RULE:
        digest.update(name.encode() + (ROOT / name).read_bytes())
    return digest.hexdigest()


def computed(record: TaskRecord, key: str = "", splits: int = SPLITS) -> Truth:
    """See `Truth`. The rule is asked once for each seed, and once for each half."""
    head = record.task
    whole = [case_of(records_of(record, seed)) for seed in record.seeds]
    answers = [answer_to(case) for case in whole]
    audits, losses = audits_in(record, splits)
    seeds = seeds_in(record)
    return Truth(
        key=key,
        name=head.name,
        source=head.source,
        margin=head.needs.practical_margin,
        winners=tuple(winner for winner, _ in answers),
        commits=tuple(answer for _, answer in answers),
        known=known_in(record, whole),
        audits=tuple(audits),
        errors=losses.errors,
        error_of_nothing=losses.error_of_nothing,
        seed_variance=seeds.variance,
        seed_freedom=seeds.freedom,
        seconds=record.seconds,
        operations=record.operations,
    )


def case_of(records: Sequence[Record]) -> Case:
    """What the product argues from, given such records."""
    run = latest_run(records)
    assert run is not None, "records_of begins with one"
    return build_case(summarise(records), run.task, run.needs)


def answer_to(case: Case) -> tuple[str | None, Commit]:
    """What the product answers: the strategy, and whether to commit."""
    return (case.pick.first.id if case.pick else None), commit(case).answer


def audits_in(record: TaskRecord, splits: int) -> tuple[list[Audit], Losses]:
    """Each half chooses with one seed, the seeds in turn; the other half judges with the other
    seeds, where there are any. With them, how far rows move what each choice loses."""
    head = record.task
    counted = counted_rows(record)
    of = dict(zip(head.rows, head.groups, strict=True)) if head.groups else {}
    groups = [of.get(row) for row in counted]
    pairs = crossings(counted, groups, splits)
    found, losses = [], Losses(len(pairs))
    for place, (choosing, judging) in enumerate(pairs):
        seed = record.seeds[place // 2 % len(record.seeds)]
        winner, _ = answer_to(case_of(records_of(record, seed, set(choosing))))
        others = [each for each in record.seeds if each != seed] or [seed]
        judged = tracks_by_strategy(record, others, set(judging))
        qualities = mean_qualities(record, judged)
        free = [name for name in qualities if is_trivial(record, name)]
        best_free = max(free, key=lambda name: qualities[name], default=None)
        nothing = qualities[best_free] if best_free else 0.0
        found.append(Audit(winner=winner, qualities=qualities, nothing=nothing))
        losses.add(winner, marks_in(record, judged), best_free)
    return found, losses


def is_trivial(record: TaskRecord, strategy: str) -> bool:
    return any(
        line.facts.id == strategy and line.facts.name in TRIVIAL for line in record.strategies
    )


def known_in(record: TaskRecord, cases: Sequence[Case]) -> dict[str, Known]:
    """Every completed strategy on all rows that did not leak; `cases` are those of the seeds."""
    rows = counted_rows(record)
    chances: dict[str, list[float]] = {}
    for case in cases:
        for row in case.summary.strategies:
            chances.setdefault(row.id, []).append(row.p_best or 0.0)
    tracks = tracks_by_strategy(record, record.seeds, set(rows))
    return {
        name: Known(
            value=value,
            variance=float(np.mean([row_variance(t, record.task.task) for t in tracks[name]])),
            p_best=float(np.mean(chances[name])),
            n=len(rows),
            trainings=len(trained_with(record, name)),
        )
        for name, value in mean_qualities(record, tracks).items()
    }
