"""What a cascade would have said follows from what its parts said of the same rows."""

import numpy as np
import pytest
from made_up import rows_found

from benchmarks.belief.cascade import NAME, with_cascade
from benchmarks.belief.rows import answered
from strategies.base import Answer
from strategies.thresholds import choose_threshold

CHEAP = [1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0]
SURE = [0.9, 0.8, 0.2, 0.1, 0.7, 0.3, 0.6, 0.5]
DEAR = [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]


def found(id, scores, sure=(), **more):
    told = rows_found(id, scores)
    confidence = {f"row {place}": value for place, value in enumerate(sure)}
    labels = {row: f"{id} {row}" for row in told.scores}
    return told.model_copy(update={"readings": {"confidence": confidence}, "labels": labels} | more)


PARTS = [found("baseline.linear", CHEAP, SURE), found("prompt.nearest", DEAR)]


def cascade_of(findings, kind="classification", *, has_documents=False, margin=0.02):
    told = with_cascade(findings, kind, has_documents=has_documents, margin=margin)
    assert list(told[: len(findings)]) == list(findings)
    return told[len(findings) :]


def test_it_takes_the_cheap_answers_that_are_sure_and_the_dear_ones_elsewhere():
    (one,) = cascade_of(PARTS)
    assert one.action.strategy == NAME
    assert one.scores == {f"row {place}": 1.0 for place in range(8)}
    assert [one.labels[f"row {place}"].split()[0] for place in range(8)] == [
        *["baseline.linear"] * 2,
        *["prompt.nearest"] * 2,
        "baseline.linear",
        "prompt.nearest",
        *["baseline.linear"] * 2,
    ]
    assert (one.seconds, one.action.rows) == (0.0, 8)
    seen = answered([*PARTS, one], ["baseline.linear", "prompt.nearest", NAME])
    assert (seen[NAME].score, seen[NAME].rows) == (1.0, 8)


@pytest.mark.parametrize("margin", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_its_threshold_is_the_one_that_a_cascade_would_choose(margin, seed):
    rng = np.random.default_rng(seed)
    cheap, dear = (rng.integers(0, 2, 30).astype(float) for _ in range(2))
    sure = rng.random(30).round(2)
    (one,) = cascade_of(
        [found("baseline.linear", cheap, sure), found("prompt.nearest", dear)], margin=margin
    )
    said = [Answer(f"cheap {s}", confidence=c) for s, c in zip(cheap, sure, strict=True)]
    asked = [Answer(f"dear {s}") for s in dear]

    def score(rows, answers):
        return float(np.mean([float(answer.text.split()[1]) for answer in answers]))

    chosen = choose_threshold([None] * 30, said, asked, score, margin=margin)
    stands = sure >= chosen.threshold
    assert list(one.scores.values()) == [*np.where(stands, cheap, dear)]


@pytest.mark.parametrize(
    ("kind", "has_documents", "parts"),
    [
        ("extraction", True, ("baseline.nearest", "prompt.nearest")),
        ("question-answering", True, ("baseline.passage", "rag.hybrid")),
        ("generation", False, ("baseline.nearest", "prompt.nearest")),
    ],
)
def test_its_parts_are_those_that_the_task_decides(kind, has_documents, parts):
    mine = [found(parts[0], CHEAP, SURE), found(parts[1], DEAR)]
    assert len(cascade_of(mine, kind, has_documents=has_documents)) == 1
    assert cascade_of(PARTS, kind, has_documents=has_documents) == []


def test_only_rows_that_both_answered_count():
    (one,) = cascade_of([PARTS[0], found("prompt.nearest", DEAR[:3])])
    assert list(one.scores) == ["row 0", "row 1", "row 2"]


def test_nothing_is_made_up_where_a_part_is_not_known_or_it_answered_itself():
    assert cascade_of(PARTS[:1]) == []
    assert cascade_of(PARTS[1:]) == []
    assert cascade_of([found("baseline.linear", CHEAP), PARTS[1]]) == []
    assert cascade_of([*PARTS, found(NAME, CHEAP)]) == []
