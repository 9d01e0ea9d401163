"""What a cascade would have said follows from what its parts said of the same rows."""

import numpy as np
import pytest
from made_up import read, rows_found

from benchmarks.belief.cascade import FOLDS, with_cascades
from benchmarks.belief.figures import train_rows_in
from benchmarks.belief.rows import answered
from benchmarks.records import StrategyFacts
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


def facts(*names, model="m"):
    return [
        StrategyFacts(
            id=name,
            name=name.partition("@")[0],
            family="made up",
            model=None if name.startswith("baseline") else name.partition("@")[2] or model,
        )
        for name in names
    ]


ALL = facts(
    "baseline.linear",
    "baseline.nearest",
    "baseline.passage",
    "prompt.nearest",
    "rag.hybrid",
    "cascade",
)


def cascades_of(
    findings, kind="classification", *, strategies=ALL, has_documents=False, margin=0.02
):
    told = with_cascades(findings, strategies, kind, has_documents=has_documents, margin=margin)
    assert list(told[: len(findings)]) == list(findings)
    return list(told[len(findings) :])


def test_it_takes_the_cheap_answers_that_are_sure_and_the_dear_ones_elsewhere():
    """Sure answers are right, others wrong, and the dear ones the other way round."""
    sure = [0.9, 0.1] * 20
    cheap, dear = [1.0, 0.0] * 20, [0.0, 1.0] * 20
    parts = [found("baseline.linear", cheap, sure), found("prompt.nearest", dear)]
    (one,) = cascades_of(parts)
    assert (one.action.strategy, one.action.rows, one.seconds) == ("cascade", 40, 0.0)
    assert one.scores == {f"row {place}": 1.0 for place in range(40)}
    told = [one.labels[f"row {place}"].split()[0] for place in range(40)]
    assert told == ["baseline.linear", "prompt.nearest"] * 20
    seen = answered([*parts, one], ["baseline.linear", "prompt.nearest", "cascade"])
    assert (seen["cascade"].score, seen["cascade"].rows) == (1.0, 40)


def test_it_learned_from_as_much_as_its_parts():
    less = [
        one.model_copy(update={"action": one.action.model_copy(update={"share": 0.75})})
        for one in PARTS
    ]
    (one,) = cascades_of(less)
    assert one.action.share == 0.75
    data = read("features", None, 0, n_train=44.0)
    assert train_rows_in([data, *less, one]) == train_rows_in([data, *less]) == 44 / 0.75


@pytest.mark.parametrize("margin", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_each_row_is_judged_by_the_threshold_that_a_cascade_chooses_on_others(margin, seed):
    rng = np.random.default_rng(seed)
    cheap, dear = (rng.integers(0, 2, 30).astype(float) for _ in range(2))
    sure = rng.random(30).round(2)
    parts = [found("baseline.linear", cheap, sure), found("prompt.nearest", dear)]
    (one,) = cascades_of(parts, margin=margin)
    said = [Answer(f"cheap {s}", confidence=c) for s, c in zip(cheap, sure, strict=True)]
    asked = [Answer(f"dear {s}") for s in dear]

    def score(rows, answers):
        return float(np.mean([float(answer.text.split()[1]) for answer in answers]))

    for fold in range(FOLDS):
        rest = [place for place in range(30) if place % FOLDS != fold]
        known, told = ([each[place] for place in rest] for each in (said, asked))
        threshold = choose_threshold(
            [None] * len(rest), known, told, score, margin=margin
        ).threshold
        for place in range(fold, 30, FOLDS):
            wanted = cheap if sure[place] >= threshold else dear
            assert one.scores[f"row {place}"] == wanted[place]


@pytest.mark.parametrize("rows", [8, 16, 60])
def test_parts_that_are_as_good_and_sure_of_nothing_make_no_better_cascade(rows):
    """As they would, were the threshold chosen on the very rows that judge it."""
    rng = np.random.default_rng(0)
    means = []
    for _ in range(300):
        cheap, dear = (rng.random(rows) < 0.6 for _ in range(2))
        parts = [
            found("baseline.linear", cheap.astype(float), rng.random(rows)),
            found("prompt.nearest", dear.astype(float)),
        ]
        (one,) = cascades_of(parts)
        means.append(np.mean([*one.scores.values()]))
    assert np.mean(means) == pytest.approx(0.6, abs=0.03)


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
    assert len(cascades_of(mine, kind, has_documents=has_documents)) == 1
    assert cascades_of(PARTS, kind, has_documents=has_documents) == []


def test_each_model_has_a_cascade_of_its_own():
    two = facts(
        *("baseline.linear", "prompt.nearest@a", "prompt.nearest@b", "cascade@a", "cascade@b")
    )
    cheap = found("baseline.linear", [0.0] * 8, SURE)
    parts = [cheap, found("prompt.nearest@a", [1.0] * 8), found("prompt.nearest@b", [0.5] * 8)]
    one, other = cascades_of(parts, strategies=two)
    assert (one.action.strategy, set(one.scores.values())) == ("cascade@a", {1.0})
    assert (other.action.strategy, set(other.scores.values())) == ("cascade@b", {0.5})


def test_only_rows_that_both_answered_count():
    (one,) = cascades_of([PARTS[0], found("prompt.nearest", DEAR[:3])])
    assert list(one.scores) == ["row 0", "row 1", "row 2"]
    (single,) = cascades_of([PARTS[0], found("prompt.nearest", DEAR[:1])])
    assert single.scores == {"row 0": DEAR[0]}  # nothing shows that the cheap one is good enough


def test_nothing_is_made_up_where_a_part_or_the_cascade_is_not_there():
    assert cascades_of(PARTS[:1]) == []
    assert cascades_of(PARTS[1:]) == []
    assert cascades_of([found("baseline.linear", CHEAP), PARTS[1]]) == []
    assert cascades_of(PARTS, strategies=ALL[:-1]) == []
