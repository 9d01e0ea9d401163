"""An index that answers beside the point."""

import pytest

from corpora.task import Document, Example, Task
from strategies.embedding import HashingEmbedder
from strategies.errors import StrategyError
from strategies.models.scripted import ScriptedModel
from strategies.passage_index import PassageIndex
from strategies.rag import Bm25Rag
from strategies.retrieval import Bm25Retriever
from strategies.wrong_passages import ReadsPassages, WrongIndex

DOCUMENTS = tuple(
    Document(id=name, text=f"The {name} stands in the hall beside the door.")
    for name in ("pump", "fan", "lamp", "stove", "sink", "chair")
)


@pytest.fixture(scope="module")
def index():
    return PassageIndex.build(DOCUMENTS, Bm25Retriever, HashingEmbedder())


def test_nothing_that_was_found_or_is_right_and_as_much_of_it(index):
    asked = "the pump in the hall"
    for seed in range(20):
        wrong = WrongIndex.around(index, {asked: ("fan", "lamp")}, seed=seed)
        (found,) = wrong.find([asked], 2)
        own = {passage.document for passage in index.find([asked], 2)[0]}
        documents = [passage.document for passage in found]
        assert len(set(documents)) == len(documents) == 2
        assert not {*documents} & {*own, "fan", "lamp"}
        assert wrong.find([asked], 2) == [found]


def test_a_corpus_without_others_is_refused(index):
    right = {"pump": tuple(document.id for document in DOCUMENTS)}
    with pytest.raises(StrategyError, match="beside the point"):
        WrongIndex.around(index, right, seed=0).find(["pump"], 1)


def test_a_strategy_with_another_index_is_otherwise_the_same():
    task = Task(name="t", kind="question-answering", instruction="Answer.", metric="token_f1")
    rows = [Example(id="r", input="What stands in the hall?", output="the pump")]
    seen = []

    def say(prompt):
        seen.append(prompt)
        return "the pump"

    rag = Bm25Rag(top_k=1, shots=0, embedder=HashingEmbedder())
    ready = rag.prepare(task, rows, [], DOCUMENTS, ScriptedModel(say), lambda *_: 0.0)
    assert isinstance(ready, ReadsPassages)
    misled = ready.with_index(lambda inner: WrongIndex.around(inner, {}, seed=0))
    ready.answer(["Where is the pump?"])
    misled.answer(["Where is the pump?"])
    own, other = (prompt.messages[-1].content for prompt in seen)
    assert "The pump stands" in own
    assert "The pump stands" not in other
    assert seen[0].messages[:-1] == seen[1].messages[:-1]
