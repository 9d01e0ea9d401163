"""The live source on a real transformer: every deed is done, and done again it is the same."""

import math
from statistics import fmean

import pytest
from evidence_stands import Stand, Unseen, rows
from tinystrategies import Tiny, right

from benchmarks.errors import Cancelled
from benchmarks.evidence.live import LiveSource
from benchmarks.evidence.rows import rows_of
from benchmarks.evidence.steps import step_of
from benchmarks.plan import plan_run
from corpora.task import Dataset, Document, Task
from strategies.baselines import Nearest
from strategies.embedding import HashingEmbedder
from strategies.few_shot import FewShot
from strategies.lora import Lora, LoraRag
from strategies.rag import Bm25Rag
from strategies.zero_shot import ZeroShot

EMBEDDER = HashingEmbedder(64)


def source(data, strategies, model, earlier=(), **options):
    seen = Dataset(
        task=data.task,
        train=data.train,
        validation=data.validation,
        test=(),
        documents=data.documents,
    )
    entries = plan_run(seen, strategies, ["tiny"])
    return LiveSource(data, entries, {"tiny": lambda: model}, earlier=earlier, **options)


def take_all(live):
    found = []
    while actions := live.actions():
        found.append(live.take(actions[0]))
    return found


def alike(one, other):
    """The same but for the time."""
    timed = ("ms_per_row", "setup_seconds", "learn_seconds")
    return (
        step_of(one.action) == step_of(other.action)
        and (one.scores, one.labels, one.readings, one.operations)
        == (other.scores, other.labels, other.readings, other.operations)
        and {name: one.figures[name] for name in one.figures if name not in timed}
        == {name: other.figures[name] for name in other.figures if name not in timed}
    )


@pytest.fixture
def labels():
    data = Unseen(train=40, validation=32)
    return data, [Nearest(embedder=EMBEDDER), ZeroShot(), FewShot(shots=2), Lora(epochs=1)]


def test_every_deed_for_labels(labels, tiny_model):
    data, strategies = labels
    found = take_all(source(data, strategies, tiny_model))
    assert [each.trouble for each in found] == [None] * len(found)
    by_chain = {each.action.chain: each for each in found}
    assert set(by_chain) == {
        ("features", None),
        ("rows", "baseline.nearest"),
        ("rows", "prompt.few-shot"),
        ("rows", "prompt.zero-shot"),
        ("likelihood", "prompt.few-shot"),
        ("likelihood", "prompt.zero-shot"),
        ("head", "lora"),
        ("pilot", "lora"),
    }
    zero = by_chain["rows", "prompt.zero-shot"]
    read = by_chain["likelihood", "prompt.zero-shot"]
    assert len(zero.scores) == 32
    for name in ("accuracy", "right_probability", "label_nll"):  # one prompt, asked and read
        assert read.figures[name] == pytest.approx(zero.figures[name], abs=1e-3)
    pilots = [each for each in found if each.action.deed == "pilot"]
    assert [each.action.share for each in pilots] == [0.25, 0.5]
    assert [each.figures["learned_rows"] for each in pilots] == [10.0, 20.0]
    assert all(len(each.scores) == 32 for each in pilots)
    assert all(0 < each.figures["nll"] < math.inf for each in pilots)
    assert all(0 < each.figures["learn_seconds"] < each.seconds for each in pilots)
    for each in pilots:
        assert_read(each, each.scores)
    assert_read(read, [row.id for row in rows_of(data.train, data.validation, 0).judges[16:]])
    assert read.scores == zero.scores
    assert read.labels == zero.labels
    for row, share in read.readings["share"].items():
        assert share == pytest.approx(zero.readings["share"][row], abs=1e-3)
    head = by_chain["head", "lora"]
    assert head.scores.keys() == head.labels.keys() == read.scores.keys()
    assert fmean(head.scores.values()) == pytest.approx(head.figures["accuracy"])
    for each in found:
        is_counted = each.action.deed != "features" and each.action.strategy != "baseline.nearest"
        assert (each.operations > 0) == is_counted
        assert each.seconds > 0
        assert each.cpu_seconds >= 0


def test_a_training_that_is_told_to_stop_ends_at_its_next_step(tiny_model):
    polls = 0

    def poll():
        nonlocal polls
        polls += 1
        if polls == 2:
            raise Cancelled("told to stop")

    live = source(Unseen(train=40, validation=32), [Lora(epochs=1)], tiny_model, poll=poll)
    while live.actions()[0].deed != "pilot":
        live.take(live.actions()[0])
    offered = live.actions()
    with pytest.raises(Cancelled):
        live.take(offered[0])
    assert polls == 2
    assert live.actions() == offered  # nothing was found


def test_answering_that_is_told_to_stop_ends_at_its_next_batch():
    answered = []

    def poll():
        if answered == [8, 8, 16, 16]:
            raise Cancelled("told to stop")

    def say(text):
        answered[:] = [len(chunk) for chunk in tiny.speaker.asked]
        return right(text)

    tiny = Tiny(say)
    stand = Stand(tiny, data=Unseen(validation=120), poll=poll)
    for _ in range(3):
        stand.take("rows", "tiny")
    with pytest.raises(Cancelled):
        stand.take("rows", "tiny")
    assert answered == [8, 8, 16, 16]
    assert stand.action("rows", "tiny").rows == 64  # it is on offer as before


def assert_read(finding, rows):
    """Every row was, and the figures are the means of what was."""
    assert [sorted(of) for of in finding.readings.values()] == [sorted(rows)] * 3
    nats, tokens = (finding.readings[name].values() for name in ("nats", "tokens"))
    if finding.action.deed == "pilot":  # all rows are new to it
        assert finding.figures["nll"] == pytest.approx(sum(nats) / sum(tokens))


def test_a_pilot_that_was_stopped_goes_on_as_it_would_have(labels, tiny_model):
    data, strategies = labels
    whole = take_all(source(data, strategies, tiny_model))
    rest = take_all(source(data, strategies, tiny_model, earlier=whole[:-1]))
    assert len(rest) == 1
    assert rest[0].action.deed == "pilot"
    assert alike(rest[0], whole[-1])


def test_every_deed_for_questions_about_documents(tiny_model):
    task = Task(
        name="manual",
        kind="question-answering",
        instruction="Answer the question about the manual.",
        metric="token_f1",
    )
    library = [
        Document(id=colour, text=f"order {colour} is kept in room {colour}")
        for colour in ("red", "green", "blue")
    ]
    data = Unseen(task, documents=library)
    data.train = rows("train", 24)
    data.validation = tuple(
        row.model_copy(update={"sources": (row.output,)}) for row in rows("validation", 10)
    )
    strategies = [
        Bm25Rag(shots=1, embedder=EMBEDDER),
        LoraRag(epochs=1, top_k=1, embedder=EMBEDDER),
    ]
    found = take_all(source(data, strategies, tiny_model))
    assert [each.trouble for each in found] == [None] * len(found)
    by_chain = {each.action.chain: each for each in found}
    assert set(by_chain) == {
        ("features", None),
        ("retrieval", "rag.bm25"),
        ("retrieval", "lora+rag"),
        ("rows", "rag.bm25"),
        ("likelihood", "rag.bm25"),
        ("pilot", "lora+rag"),
    }
    assert by_chain["rows", "rag.bm25"].action.rows == 16  # ten, and six of training held out
    pilot = by_chain["pilot", "lora+rag"]
    assert pilot.figures["learned_rows"] == 9.0
    assert {name: len(of) for name, of in pilot.readings.items()} == {"nats": 16, "tokens": 16}
    assert set(by_chain["retrieval", "rag.bm25"].readings["rank"].values()) <= {*range(11)}
    assert 0 <= pilot.figures["score"] <= 1
    assert pilot.figures["completion_tokens"] > 0
