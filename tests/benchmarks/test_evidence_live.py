"""The live source: what it offers, what it asks and what it books."""

import pytest
from evidence_stands import (
    COLOURS,
    Clock,
    SlowEmbedder,
    Stand,
    Unseen,
    colour_of,
    everything,
    with_sources,
)
from tinystrategies import Tiny, right

from benchmarks.evidence.live import LiveSource
from benchmarks.evidence.steps import step_of
from benchmarks.quote import QuotedModel
from strategies.baselines import Linear, Nearest
from strategies.cascade import Cascade
from strategies.embedding import HashingEmbedder
from strategies.embedding_reuse import CachedEmbedder
from strategies.few_shot import FewShot, NearestShot
from strategies.lora import Lora, LoraRag
from strategies.models.scripted import ScriptedModel
from strategies.optimized_lora import OptimizedLora
from strategies.optimized_prompt import OptimizedPrompt
from strategies.optimized_rag import OptimizedRag
from strategies.passage import BestPassage
from strategies.rag import Bm25Rag, DenseRag, HybridRag
from strategies.zero_shot import ZeroShot


def test_a_later_sample_asks_only_the_rows_that_are_new_in_the_same_chunks():
    one, other = Tiny(right, name="one"), Tiny(right, name="other")
    stand = Stand(one, other)
    found = [stand.take("rows", "one") for _ in range(4)]
    assert ("rows", "one") not in stand.offered()
    while ("rows", "other") in stand.offered():
        stand.take("rows", "other")
    asked = one.speaker.asked
    assert [len(chunk) for chunk in asked] == [8, 8, 16, 8]
    judges = [row.input for row in stand.source.rows.judges]
    assert [text for chunk in asked for text in chunk] == judges
    assert other.speaker.asked == asked
    assert one.log == ["prepare"]
    assert [len(each.scores) for each in found] == [8, 16, 32, 40]
    assert found[-1].figures["score"] == 1.0
    assert found[-1].figures["prompt_tokens"] == 10.0
    assert [each.action.rows for each in found] == [8, 16, 32, 40]


def test_a_chunk_holds_sixteen_rows_at_most():
    tiny = Tiny(right)
    stand = Stand(tiny, data=Unseen(validation=120))
    for _ in range(5):
        stand.take("rows", "tiny")
    assert [len(chunk) for chunk in tiny.speaker.asked] == [8, 8, 16, 16, 16, 16, 16, 16, 8]


def test_a_model_is_loaded_once_and_booked_to_the_first_that_needs_it():
    stand = Stand(ZeroShot(), FewShot())
    first = stand.take("rows", "prompt.few-shot")
    second = stand.take("rows", "prompt.zero-shot")
    later = stand.take("rows", "prompt.few-shot")
    assert stand.loaded == ["m"]
    assert first.seconds == pytest.approx(5.0 + 0.8)
    assert second.seconds == pytest.approx(0.8)
    assert later.seconds == pytest.approx(0.8)
    assert first.shared["model m"] == second.shared["model m"] == 5.0
    assert first.figures["ms_per_row"] == pytest.approx(100.0)


def test_embeddings_are_shared_and_booked_to_the_first_that_needs_them():
    clock = Clock()
    slow = SlowEmbedder(clock)
    embedder = CachedEmbedder(slow)
    stand = Stand(Nearest(embedder=embedder), NearestShot(embedder=embedder), clock=clock)
    first = stand.take("rows", "baseline.nearest")
    assert first.seconds == pytest.approx(40 + 8)
    assert first.figures["ms_per_row"] == pytest.approx(1000.0)
    assert first.figures["setup_seconds"] == pytest.approx(40.0)
    second = stand.take("rows", "prompt.nearest")
    assert second.seconds == pytest.approx(5.0 + 0.8)
    assert second.figures["ms_per_row"] == pytest.approx(1100.0)  # as if nothing had been shared
    assert second.figures["setup_seconds"] == pytest.approx(40.0)
    assert len(slow.asked) == 48
    shared = {name: took for name, took in second.shared.items() if name in first.shared}
    assert sorted(shared.values()) == [8.0, 40.0]


def test_what_is_expected_follows_what_was_measured():
    stand = Stand(ZeroShot(), FewShot(), loading=0.0)
    thought = stand.action("rows", "prompt.zero-shot").seconds
    stand.take("rows", "prompt.zero-shot")
    assert stand.action("rows", "prompt.zero-shot").seconds == pytest.approx(0.8, rel=0.1)
    assert stand.action("rows", "prompt.few-shot").seconds < thought


def test_actions_that_fit_a_classification():
    stand = Stand(
        Nearest(), ZeroShot(), FewShot(), NearestShot(), OptimizedPrompt(), HybridRag(), Lora(),
        OptimizedLora(), LoraRag(), Cascade(),
    )  # fmt: skip
    assert stand.offered() == [
        ("features", None),
        ("rows", "baseline.nearest"),
        ("rows", "prompt.few-shot"),
        ("rows", "prompt.nearest"),
        ("rows", "prompt.zero-shot"),
        ("likelihood", "prompt.few-shot"),
        ("likelihood", "prompt.zero-shot"),
        ("head", "lora"),
        ("pilot", "lora"),
    ]


def test_actions_that_fit_questions_about_documents():
    stand = Stand(
        BestPassage(), Bm25Rag(), DenseRag(), HybridRag(), OptimizedRag(), Lora(), LoraRag(),
        data=with_sources(),
    )  # fmt: skip
    assert stand.offered() == [
        ("features", None),
        ("retrieval", "rag.bm25"),
        ("retrieval", "rag.dense"),
        ("retrieval", "rag.hybrid"),
        ("rows", "baseline.passage"),
        ("rows", "rag.bm25"),
        ("rows", "rag.dense"),
        ("rows", "rag.hybrid"),
        ("likelihood", "rag.bm25"),
        ("likelihood", "rag.dense"),
        ("likelihood", "rag.hybrid"),
        ("pilot", "lora"),
        ("pilot", "lora+rag"),
    ]
    only = Stand(OptimizedRag(), OptimizedLora(), data=with_sources())
    assert only.offered() == [
        ("features", None), ("retrieval", "rag.optimized"), ("pilot", "lora.optimized")
    ]  # fmt: skip


def test_retrieval_alone_is_judged_by_sources_and_asks_no_model():
    data = with_sources()
    wrong = data.validation[0].model_copy(update={"sources": ("green",)})  # it asks for red
    data.validation = (wrong, *data.validation[1:])
    stand = Stand(Bm25Rag(embedder=HashingEmbedder()), HybridRag(), data=data)
    found = stand.take("retrieval", "rag.bm25")
    assert found.action.rows == 40
    assert found.figures["hit_at_1"] == pytest.approx(39 / 40)
    assert found.figures["hit_at_3"] == pytest.approx(39 / 40)  # one document shares a word
    assert found.figures["mrr"] == pytest.approx(39 / 40)
    assert found.figures["told_by_sources"] == 1.0
    assert sorted(found.readings["rank"].values()) == [0.0] + [1.0] * 39
    assert found.readings["rank"][wrong.id] == 0.0
    assert stand.loaded == []


def test_retrieval_alone_is_judged_by_answers_where_no_row_names_a_source():
    data = with_sources(train=0, validation=3)
    answers = ("room red", "room green", "room blue")
    data.validation = tuple(
        row.model_copy(update={"sources": None, "output": answer})
        for row, answer in zip(data.validation, answers, strict=True)
    )
    found = Stand(Bm25Rag(embedder=HashingEmbedder()), data=data).take("retrieval", "rag.bm25")
    assert found.action.rows == 3
    assert (found.figures["mrr"], found.figures["told_by_sources"]) == (1.0, 0.0)
    nothing = with_sources()
    nothing.validation = tuple(
        row.model_copy(update={"sources": None}) for row in nothing.validation
    )
    assert ("retrieval", "rag.bm25") not in Stand(Bm25Rag(), data=nothing).offered()


def test_likelihood_goes_on_with_the_rows_that_are_new():
    stand = Stand(ZeroShot())
    first = stand.take("likelihood", "prompt.zero-shot")
    second = stand.take("likelihood", "prompt.zero-shot")
    judges = [row.id for row in stand.source.rows.judges]
    assert stand.instruments.log == [
        ("likelihood", tuple(judges[:8])),
        ("likelihood", tuple(judges[8:16])),
    ]
    assert first.figures["nll"] == second.figures["nll"] == 1.5
    assert (first.figures["reply_tokens"], second.figures["reply_tokens"]) == (16.0, 32.0)
    assert second.figures["accuracy"] == 1.0
    assert second.operations == 40.0
    assert second.seconds == pytest.approx(4.0)
    assert first.readings == {
        "nats": dict.fromkeys(judges[:8], 3.0),
        "tokens": dict.fromkeys(judges[:8], 2.0),
        "share": dict.fromkeys(judges[:8], 0.5),
    }
    assert [[*of] for of in second.readings.values()] == [judges[8:16]] * 3
    assert [*second.scores] == [*second.labels] == judges[:16]
    assert second.labels[judges[0]] in COLOURS


def test_a_head_and_a_pilot_learn_from_training_rows_and_are_judged_by_validation_rows():
    stand = Stand(Lora(), data=Unseen(train=200))
    head = stand.take("head", "lora")
    assert head.figures == {"out_of_fold": 0.7, "accuracy": 0.8, "c": 10.0, "place": 2.0}
    assert head.operations == 7.0
    judges = [row.id for row in stand.source.rows.judges]
    assert [*head.labels] == [*head.scores] == judges[1:]
    assert head.labels[judges[1]] == "none of them"
    assert [*head.scores.values()] == [0.0] + [1.0] * 38
    first = stand.take("pilot", "lora")
    assert (first.action.share, first.action.rows) == (0.05, 40)
    assert first.seconds == pytest.approx(6.0)
    assert first.figures["nll"] == 0.5
    assert first.figures["score"] == pytest.approx(0.1)
    assert first.figures["learned_rows"] == 10.0
    assert first.figures["first_loss"] == 2.0
    assert first.figures["train_loss"] == 1.0
    assert (first.figures["loss_1"], first.figures["loss_2"]) == (2.0, 1.0)
    assert (first.figures["steps"], first.figures["unlearned"]) == (1.0, 2.0)
    assert first.figures["learn_seconds"] == pytest.approx(5.0)  # of six: the rest is reading
    assert len(first.scores) == 40
    second = stand.take("pilot", "lora")
    assert (second.action.share, second.figures["score"]) == (0.1, 0.2)
    assert first.readings["nats"] == dict.fromkeys(judges, 1.0)
    assert second.readings["nats"] == dict.fromkeys(judges, 0.5)
    assert stand.action("pilot", "lora").share == 0.25
    assert stand.action("pilot", "lora").seconds == pytest.approx(16.0, rel=0.25)
    assert stand.instruments.log == [
        ("head", 200, 40),
        ("pilot", "lora", 200, 40, False),
        ("grow", 0.05),
        ("grow", 0.1),
    ]


def test_a_pilot_is_read_on_as_many_rows_as_were_offered():
    stand = Stand(Lora(), data=Unseen(train=200, validation=100))
    offered = stand.action("pilot", "lora")
    found = stand.take("pilot", "lora")
    assert offered.rows == found.figures["read_rows"] == len(found.scores) == 64
    assert stand.instruments.log[0] == ("pilot", "lora", 200, 64, False)
    assert [*found.scores] == [row.id for row in stand.source.rows.judges[:64]]


def test_answers_tell_how_sure_they_are_of_the_rows_that_are_new():
    stand = Stand(ZeroShot())
    found = [stand.take("rows", "prompt.zero-shot") for _ in range(2)]
    judges = [row.id for row in stand.source.rows.judges]
    assert [*found[1].scores] == judges[:16]
    for name in ("confidence", "share"):
        assert found[0].readings[name] == dict.fromkeys(judges[:8], 0.9)
        assert found[1].readings[name] == dict.fromkeys(judges[8:16], 0.9)


def test_seconds_of_the_cores_are_told_unless_something_was_made_again():
    cores = Clock()

    class Busy(Tiny):
        def prepare(self, *args, **more):
            cores.spend(3.0)
            return super().prepare(*args, **more)

    tiny = Busy(right, needs_model=True, family="prompting")
    stand = Stand(tiny, cpu_clock=cores)
    found = [stand.take("rows", "tiny") for _ in range(2)]
    assert [each.cpu_seconds for each in found] == [3.0, 0.0]
    again = Stand(tiny, cpu_clock=cores, earlier=found)
    assert [again.take("rows", "tiny").cpu_seconds for _ in range(2)] == [None, 0.0]


def test_a_pilot_begins_where_there_is_a_step_of_training():
    stand = Stand(Lora())
    assert stand.action("pilot", "lora").share == 0.25
    few = Stand(Lora(), data=Unseen(train=4))
    assert few.offered() == [("features", None)]


def test_with_few_validation_rows_training_rows_judge_that_nobody_learns_from():
    class Notes(Tiny):
        def prepare(self, task, train, validation, *rest, **more):
            self.given = (train, validation)
            return super().prepare(task, train, validation, *rest, **more)

    tiny = Notes(right, family="prompting")
    stand = Stand(tiny, Lora(), data=Unseen(train=80, validation=10))
    found = [stand.take("rows", "tiny") for _ in range(3)]
    assert [each.action.rows for each in found] == [8, 16, 30]
    train, validation = tiny.given
    assert (len(train), len(validation)) == (60, 10)
    assert not {row.id for row in train} & set(found[-1].scores)
    assert found[0].action.share == 0.75
    pilot = stand.take("pilot", "lora")
    assert pilot.action.share == 0.1875
    assert stand.instruments.log[:2] == [("pilot", "lora", 60, 30, False), ("grow", 0.25)]


def test_another_model_takes_the_place_of_the_one_before():
    tiny = Tiny(right, needs_model=True, family="prompting")
    stand = Stand(tiny, Nearest(), Lora(), models=("a", "b"))
    stand.take("rows", "tiny@a")
    pilot = stand.take("pilot", "lora@a")
    stand.take("rows", "tiny@b")
    again = stand.take("rows", "tiny@a")
    assert stand.loaded == ["a", "b", "a"]
    assert tiny.log == ["prepare"] * 3
    assert again.seconds == pytest.approx(5.0)  # loading takes its time again
    assert len(again.scores) == 16
    later = stand.take("pilot", "lora@a")
    assert (pilot.action.share, later.action.share) == (0.25, 0.5)
    grown = [line for line in stand.instruments.log if line[0] == "grow"]
    assert grown == [("grow", 0.25), ("grow", 0.25), ("grow", 0.5)]


def test_operations_are_those_of_the_tokens_that_were_computed():
    class Sized(ScriptedModel):
        trainable = False

        def __init__(self):
            super().__init__(colour_of)
            self.info = type(self.info)("sized", 1000, "none", "sized")

    data, tiny = Unseen(), Tiny(right, family="prompting", needs_model=True)
    stand = Stand(tiny, data=data)
    source = LiveSource(
        data,
        stand.entries,
        {"m": Sized},
        quoted=[QuotedModel(name="m")],
    )
    (action,) = [one for one in source.actions() if one.deed == "rows"]
    assert source.take(action).operations == 8 * 2 * 1000 * (10 - 4 + 1)


def test_features_are_of_the_rows_that_may_be_seen():
    found = Stand(Nearest()).take("features")
    assert found.figures["n_train"] == 40.0
    assert found.figures["most_common_output"] == pytest.approx(28 / 80)
    assert found.figures["check_errors"] == 0.0


def workers(clock):
    embedder = CachedEmbedder(SlowEmbedder(clock))
    return [Nearest(embedder=embedder), Linear(embedder=embedder), ZeroShot(), FewShot(), Lora()]


def test_a_source_that_was_stopped_goes_on_as_if_it_had_not_been():
    clock = Clock()
    whole = everything(Stand(*workers(clock), clock=clock))
    for stop in range(0, len(whole), 3):
        clock = Clock()
        rest = everything(Stand(*workers(clock), clock=clock, earlier=whole[:stop]))
        assert len(rest) == len(whole) - stop
        for found, wanted in zip(rest, whole[stop:], strict=True):
            assert step_of(found.action) == step_of(wanted.action)
            assert found.action.seconds == pytest.approx(wanted.action.seconds)
            assert found.figures == pytest.approx(wanted.figures)
            assert found.scores == wanted.scores
            assert found.readings == wanted.readings
            assert found.seconds == pytest.approx(wanted.seconds)
            assert found.shared == pytest.approx(wanted.shared)
