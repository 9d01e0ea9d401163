"""When the benchmark of kills kills."""

import random
from collections import Counter

import pytest

from service.reliability.moments import (
    ANY,
    BEGIN,
    BETWEEN,
    FINISH,
    PHASES,
    RECOVERING,
    Progressing,
    aim,
    phase_of,
    spread,
)


def shown(*phases, state="running", total=2, at="1"):
    rows = [{"strategy": f"s{n}", "phase": phase} for n, phase in enumerate(phases)]
    return {"state": state, "progress": {"strategies": rows, "total": total, "at": at}}


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (shown(state="queued"), "queued"),
        (shown(), BEGIN),
        (shown("preparing"), "preparing"),
        (shown("done", "timing"), "timing"),
        (shown("probing", "done"), "probing"),
        (shown("racing", "done", "racing"), "racing"),
        (shown("racing", "timing", "racing"), "timing"),
        (shown("done"), BETWEEN),
        (shown("done", "done"), FINISH),
        (shown("done", "done", state="completed"), "completed"),
    ],
)
def test_the_phase_is_read_off_the_progress(seen, phase) -> None:
    assert phase_of(seen) == phase


def test_nothing_is_computed_until_the_next_worker_tells_of_progress() -> None:
    progressing = Progressing()
    assert progressing.phase(shown("timing")) == "timing"
    progressing.worker_died()
    assert progressing.phase(shown("timing")) == RECOVERING
    assert progressing.phase(shown("timing", at="2")) == "timing"
    assert progressing.phase(shown("timing")) == "timing"
    progressing.worker_died()
    assert progressing.phase(shown("timing", state="completed")) == "completed"


def hits(*phases, victim="api"):
    return [{"victim": victim, "phase": phase, "s": 1.0} for phase in phases]


def test_every_second_moment_is_random_while_any_will_do() -> None:
    assert aim([], "api", 200, 5) == ANY
    assert aim(hits(BEGIN), "api", 199, 5) == {*PHASES} - {BEGIN}
    assert aim(hits(BEGIN), "worker", 199, 5) == {*PHASES}
    assert aim(hits(BEGIN, "timing"), "api", 198, 5) == ANY


def test_in_the_end_whichever_phase_lacks_kills_will_do() -> None:
    enough = hits(*(4 * PHASES), *(phase for phase in PHASES if phase != "checking"))
    assert aim([*enough, *hits("unseen")], "api", 1, 5) == {"checking"}
    assert aim(enough[:-1], "api", 2, 5) == {"checking", FINISH}
    assert aim(hits(*(6 * PHASES)), "api", 1, 5) == ANY


def test_each_phase_is_hit_often_enough_however_chance_falls() -> None:
    chance, kills = random.Random(7), []
    for left in range(200, 0, -1):
        victim = ("worker", "api", "postgres")[left % 3]
        phases = aim(kills, victim, left, 5)
        kills += hits(chance.choice(sorted(phases) or ["unseen", "timing"]), victim=victim)
    found = Counter((kill["victim"], kill["phase"]) for kill in kills)
    assert min(found[victim, phase] for victim in ("worker", "api") for phase in PHASES) >= 3
    assert sum(n for (_, phase), n in found.items() if phase == "unseen") > 30


def test_who_was_hit_where() -> None:
    found = [*hits("timing", "timing"), *hits(BEGIN, victim="worker")]
    assert spread(found) == {"api": {"timing": 2}, "worker": {BEGIN: 1}}
