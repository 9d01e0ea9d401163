"""Behaviour from hand-made records, against values worked out by hand."""

import pytest
from test_summary import run_record, track

from benchmarks.behaviour import behaviours_of
from benchmarks.journal import publish_records
from benchmarks.records import OutcomeRecord, ProbeRecord, StrategyFacts, TaskFacts
from benchmarks.standing import recorded_seconds
from benchmarks.statistics import wilson
from benchmarks.summary import summarise
from benchmarks.track import Track

LABELS = TaskFacts(
    name="t",
    kind="classification",
    metric="accuracy",
    labels=("red", "blue"),
    n_train=1,
    n_validation=1,
    n_test=40,
    n_documents=0,
)
QUESTIONS = LABELS.model_copy(
    update={"kind": "question-answering", "metric": "token_f1", "no_answer": "-"}
)


def made(name, rows=(), probes=(), family="prompting"):
    return Track(
        facts=StrategyFacts(id=name, name=name, family=family, model="m"),
        status="completed",
        reason=None,
        setup=None,
        outcomes={row.example: row for row in rows},
        batches=(),
        latencies=(),
        probes={probe.probe: probe for probe in probes},
    )


def labelled(pairs):
    """Rows from pairs of confidence and whether it was right."""
    return [
        OutcomeRecord(
            strategy="s",
            example=f"e{number}",
            state="ok",
            scores={"accuracy": float(right)},
            predicted="red",
            expected="red" if right else "blue",
            confidence=told,
        )
        for number, (told, right) in enumerate(pairs)
    ]


def answered(pairs, **fields):
    """Rows from pairs of declined and answerable."""
    return [
        OutcomeRecord(
            strategy="s",
            example=f"e{number}",
            state="ok",
            scores={"token_f1": 1.0},
            declined=declined,
            answerable=answerable,
            **fields,
        )
        for number, (declined, answerable) in enumerate(pairs)
    ]


def only(track, task=LABELS, others=()):
    return behaviours_of([track, *others], task, seed=0).get(track.id)


def test_an_over_confident_strategy_is_found_out():
    found = only(made("s", labelled([(0.95, n % 2 == 0) for n in range(40)]))).calibration
    assert (found.n, found.confidence, found.accuracy) == (40, pytest.approx(0.95), 0.5)
    assert found.error == pytest.approx(0.45)
    assert found.error_if_calibrated < 0.04
    assert found.over_confidence == pytest.approx(0.45)
    assert 0.25 < found.low < 0.45 < found.high < 0.65
    assert (found.accuracy_at_50, found.accuracy_at_80) == (0.5, 0.5)


def test_confidence_that_ranks_well_shows_in_coverage():
    pairs = [(0.9, True)] * 20 + [(0.6, False)] * 20
    found = only(made("s", labelled(pairs))).calibration
    assert (found.accuracy_at_50, found.accuracy_at_80) == (1.0, pytest.approx(20 / 32))


@pytest.mark.parametrize(
    "rows",
    [
        labelled([(0.9, True)] * 19),  # too few
        labelled([(1.0, n % 2) for n in range(40)]),  # written replies matched to labels
        labelled([(None, True)] * 40),
    ],
)
def test_no_calibration_where_nobody_told_enough_probabilities(rows):
    assert only(made("s", rows)) is None


def test_declining_is_counted_on_both_sides():
    pairs = [(True, False)] * 4 + [(False, False)] * 6 + [(True, True)] * 2 + [(False, True)] * 28
    found = only(made("s", answered(pairs)), QUESTIONS).abstention
    assert (found.unanswerable.value, found.unanswerable.n) == (0.4, 10)
    assert (found.unanswerable.low, found.unanswerable.high) == wilson(4, 10)
    assert (found.answerable.value, found.answerable.n) == (pytest.approx(2 / 30), 30)
    some = only(made("s", answered([(False, True)] * 5)), QUESTIONS).abstention
    assert some.unanswerable is None


def test_published_records_tell_as_much():
    records = [
        run_record("zero"),
        *track("zero", [1.0] * 20, declined=False, answerable=True, grounded=0.75),
    ]
    (row,) = summarise(publish_records(records)).strategies
    declined = row.behaviour.abstention.answerable
    assert (declined.value, declined.low, declined.n) == (0.0, wilson(0, 20)[0], 20)
    assert (row.behaviour.grounded.value, row.behaviour.grounded.n) == (0.75, 20)
    assert row == summarise(records).strategies[0]


def test_what_is_not_known_is_left_out_of_the_json():
    (row,) = summarise([run_record("zero"), *track("zero", [1.0] * 20)]).strategies
    assert row.behaviour is None
    assert "behaviour" not in row.model_dump()


def consistency(score, kept, after, examples=None):
    return ProbeRecord(
        strategy="s",
        probe="consistency",
        examples=examples or tuple(f"v{n}" for n in range(len(score))),
        values={"score": score, "typos kept": kept, "typos score": after},
        seconds=4.0,
    )


def test_a_strategy_that_collapses_under_noise_is_seen():
    fell = (0.0,) * 7 + (1.0, None)
    probe = consistency((1.0,) * 9, fell, fell)
    (found,) = only(made("s", probes=[probe])).consistency
    assert (found.change, found.kept.value, found.kept.n) == ("typos", 0.125, 8)
    assert (found.score_before, found.score_after) == (1.0, 0.125)
    assert found.low < -0.5 < found.high < 0


def test_irrelevant_passages_are_held_against_the_best_prompt_on_shared_rows():
    right = ProbeRecord(
        strategy="s",
        probe="wrong corpus",
        examples=("v0", "v1", "v2"),
        values={"score": (0.0, 0.5, 0.1), "declined": (1.0, 0.0, None)},
    )
    rag = made(
        "rag",
        probes=[right, consistency((1.0, 0.75, 0.5), (None,) * 3, (None,) * 3)],
        family="rag",
    )
    worse = made("zero", answered([(False, True)] * 2))
    better = made(
        "near",
        [*answered([(False, True)] * 2)],
        [consistency((0.5, 0.5), (None,) * 2, (None,) * 2, ("v1", "v0"))],
    )
    worse.outcomes["e0"].scores["token_f1"] = 0.0
    found = only(rag, QUESTIONS, [worse, better]).wrong_corpus
    assert (found.n, found.score, found.score_with_own) == (3, pytest.approx(0.2), 0.75)
    assert (found.declined, found.closed_book, found.n_shared) == (0.5, "near", 2)
    assert found.closed_book_score == 0.5
    assert found.difference == pytest.approx(-0.25)
    alone = only(rag, QUESTIONS).wrong_corpus
    assert (alone.closed_book, alone.difference, alone.n_shared) == (None, None, 0)


def test_forgetting_counts_what_was_known_before():
    probe = ProbeRecord(
        strategy="s",
        probe="forgetting",
        examples=("a", "b", "c"),
        values={
            "right before": (-1.0, -1.0, -3.0),
            "wrong before": (-2.0, -2.0, -2.0),
            "right after": (-2.0, -3.0, -1.0),
            "wrong after": (-2.5, -2.0, -2.0),
        },
    )
    found = only(made("s", probes=[probe])).forgetting
    assert (found.n, found.known_before, found.still_known, found.known_after) == (3, 2, 1, 2)
    assert found.change_nats == pytest.approx(-1 / 3)


def test_probes_are_part_of_the_runs_time_and_of_no_strategys_cost():
    records = [run_record("zero"), *track("zero", [1.0] * 20, setup=1.0, seconds=2.0)]
    probe = consistency((1.0,), (1.0,), (1.0,)).model_copy(update={"strategy": "zero"})
    plain, probed = summarise(records), summarise([*records, probe])
    assert probed.strategies[0].cost == plain.strategies[0].cost
    assert probed.strategies[0].throughput_per_s == plain.strategies[0].throughput_per_s
    assert probed.spent_usd - plain.spent_usd == pytest.approx(0.004)
    assert recorded_seconds([*records, probe]) - recorded_seconds(records) == 4.0
