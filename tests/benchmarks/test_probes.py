"""Probes in a run: what is asked, what is stored, and that they harm nothing."""

import re
from dataclasses import dataclass

import pytest
from tinystrategies import Speaker, Tiny, right

from benchmarks.general_prompts import GENERAL_PROMPTS
from benchmarks.journal import Journal
from benchmarks.probe_rows import affordable_rows, chosen_rows
from benchmarks.probes import NOT_TUNED, READS_NOTHING
from benchmarks.quote import QuotedModel, quote
from benchmarks.records import ProbeRecord
from benchmarks.runner import run_comparison
from benchmarks.summary import summarise
from corpora.task import Dataset, Document, Example, Task
from strategies.base import Answer
from strategies.embedding import HashingEmbedder
from strategies.lora import Lora
from strategies.models.scripted import ScriptedModel
from strategies.rag import Bm25Rag
from strategies.zero_shot import ZeroShot


def run(dataset, prices, folder, *strategies, models=None, probes=True):
    return run_comparison(
        dataset,
        strategies=strategies,
        models=models or {},
        folder=folder,
        prices=prices,
        probes=probes,
    )


def probes_of(records, strategy):
    return {
        record.probe: record
        for record in records
        if isinstance(record, ProbeRecord) and record.strategy == strategy
    }


def behaviour(records, strategy):
    return next(row.behaviour for row in summarise(records).strategies if row.id == strategy)


def sturdy(text):
    """Reads the number, which no change touches."""
    return Answer(("red", "green", "blue")[int(re.search(r"\d+", text)[0]) % 3])


def fragile(text):
    """Right only on inputs written as they were."""
    same = re.fullmatch(r"\w+ item \d+: paint it (red|green|blue) please", text)
    return Answer(same[1] if same else "purple")


@pytest.fixture
def asked(dataset):
    """With as few validation rows as are asked whatever they take."""
    return dataset.model_copy(update={"validation": dataset.validation[:4]})


def test_a_strategy_that_collapses_under_small_changes(asked, prices, tmp_path):
    records = run(asked, prices, tmp_path, Tiny(sturdy, "sturdy"), Tiny(fragile, "fragile"))
    for name, kept in (("sturdy", 1.0), ("fragile", 0.0)):
        found = {each.change: each for each in behaviour(records, name).consistency}
        assert found.keys() == {"spacing", "typos"}  # one sentence each: nothing to move
        assert (found["spacing"].kept.value, found["spacing"].kept.n) == (kept, 4)
        assert (found["spacing"].score_before, found["spacing"].score_after) == (1.0, kept)
    record = probes_of(records, "fragile")["consistency"]
    assert sorted(record.examples) == sorted(row.id for row in asked.validation)
    assert not {row.id for row in asked.test} & {*record.examples}
    assert record.values["order kept"] == (None,) * 4


def test_what_does_not_apply_leaves_its_reason(asked, prices, tmp_path):
    found = probes_of(run(asked, prices, tmp_path, Tiny(sturdy)), "tiny")
    assert found["wrong corpus"].reason == READS_NOTHING
    assert found["forgetting"].reason == NOT_TUNED


def test_a_probe_that_breaks_does_not_fail_the_strategy(asked, prices, tmp_path):
    def shouts(text):
        if text.endswith(" "):
            raise ValueError("a space at the end")
        return sturdy(text)

    records = run(asked, prices, tmp_path, Tiny(shouts))
    (row,) = summarise(records).strategies
    assert (row.status, row.behaviour) == ("completed", None)
    reason = "ValueError: a space at the end"
    assert probes_of(records, "tiny")["consistency"].reason == reason


def test_a_finished_run_is_probed_later_and_goes_on_where_it_was(asked, prices, tmp_path):
    plain = run(asked, prices, tmp_path, Tiny(sturdy), probes=False)
    assert probes_of(plain, "tiny") == {}
    first = Tiny(sturdy)
    records = run(asked, prices, tmp_path, first)
    assert first.log == ["load"]
    assert [len(batch) for batch in first.speaker.asked] == [4, 4, 4]
    assert summarise(records).strategies[0].cost == summarise(plain).strategies[0].cost
    again = Tiny(sturdy)
    assert run(asked, prices, tmp_path, again) == records
    assert again.log == []
    journal = Journal(tmp_path / "outcomes.jsonl")
    lines = journal.path.read_bytes().splitlines(keepends=True)
    cut = next(at for at, line in enumerate(lines) if b'"probe":"wrong corpus"' in line)
    journal.path.write_bytes(b"".join(lines[:cut]))
    rest = Tiny(sturdy)
    found = probes_of(run(asked, prices, tmp_path, rest), "tiny")
    assert (found.keys(), rest.speaker.asked) == (
        {"consistency", "wrong corpus", "forgetting"},
        [],
    )


def test_one_whose_artefact_is_gone_is_not_prepared_again(asked, prices, tmp_path):
    run(asked, prices, tmp_path, Tiny(sturdy), probes=False)
    (tmp_path / "artifacts" / "tiny" / "note.txt").unlink()
    (tmp_path / "artifacts" / "tiny").rmdir()
    again = Tiny(sturdy)
    run(asked, prices, tmp_path, again)
    assert again.log == []


def test_hosted_models_are_not_asked(asked, prices, tmp_path):
    class Hosted(ScriptedModel):
        hosted = True

    models = {"gpt-4o-mini": lambda: Hosted(lambda prompt: "red", name="gpt-4o-mini")}
    records = run(asked, prices, tmp_path, ZeroShot(), models=models)
    assert summarise(records).strategies[0].status == "completed"
    assert probes_of(records, "prompt.zero-shot") == {}


@pytest.mark.parametrize(
    ("spent", "each", "rows"), [(100.0, 0.1, 16), (40.0, 0.1, 10), (1.0, 0.1, 4), (9.0, 0.0, 16)]
)
def test_rows_are_as_many_as_a_tenth_of_the_time_allows(spent, each, rows):
    assert affordable_rows(spent, each, requests=4) == rows


def test_rows_are_of_different_groups_and_more_of_them_begin_with_the_fewer():
    rows = [
        Example(id=str(n), input="i", output="o", group="ab"[n % 2] if n < 10 else None)
        for n in range(14)
    ]
    many = chosen_rows(rows, 16, seed=0)
    assert len(many) == 6
    assert sorted(row.group for row in many if row.group) == ["a", "b"]
    assert chosen_rows(rows, 4, seed=0) == many[:4]
    assert chosen_rows(rows, 16, seed=1) != many


def questions():
    """Where things lie; a document for each."""

    def rows(split, places):
        return tuple(
            Example(
                id=f"{split}-{n}",
                input=f"Where lies item{n}?",
                output=f"shelf {n}",
                sources=(f"d{n}",),
            )
            for n in places
        )

    task = Task(
        name="shelves",
        kind="question-answering",
        instruction="Answer.",
        metric="token_f1",
        no_answer="not known",
    )
    return Dataset(
        task=task,
        train=rows("train", range(3)),
        validation=rows("validation", range(4)),
        test=rows("test", range(6, 12)),
        documents=tuple(Document(id=f"d{n}", text=f"item{n} lies on shelf {n}") for n in range(12)),
    )


def reads(prompt):
    """What the passages say of the item; without any, the first shelf."""
    asked = prompt.messages[-1].content
    if "lies on" not in asked:
        return "shelf 0"
    item = re.search(r"lies\s+(item\d+)", asked)[1]
    found = re.search(rf"{item} lies on (shelf \d+)", asked)
    return found[1] if found else "not known"


def test_irrelevant_passages_in_place_of_its_own(prices, tmp_path):
    rag = Bm25Rag(top_k=1, shots=0, embedder=HashingEmbedder())
    models = {"m": lambda: ScriptedModel(reads)}
    records = run(questions(), prices, tmp_path, ZeroShot(), rag, models=models)
    found = behaviour(records, "rag.bm25")
    assert (found.wrong_corpus.score, found.wrong_corpus.score_with_own) == (0.0, 1.0)
    assert found.wrong_corpus.declined == 1.0
    assert found.wrong_corpus.closed_book == "prompt.zero-shot"
    assert found.wrong_corpus.n_shared == found.wrong_corpus.n == 4
    assert found.wrong_corpus.difference == pytest.approx(-(1 + 3 * 0.5) / 4)
    assert found.grounded.value == 1.0
    assert found.abstention.answerable.value == 0.0


def test_a_corpus_of_one_document_holds_nothing_irrelevant(prices, tmp_path):
    data = questions()
    data = data.model_copy(update={"documents": data.documents[:1]})
    rag = Bm25Rag(top_k=1, shots=0, embedder=HashingEmbedder())
    records = run(data, prices, tmp_path, rag, models={"m": lambda: ScriptedModel(reads)})
    reason = probes_of(records, "rag.bm25")["wrong corpus"].reason
    assert reason == "StrategyError: the documents hold too few passages that are beside the point."


@dataclass
class Knows:
    """A model that gives the right answer `right` nats, but for the first `lost` questions."""

    right: float
    lost: int = 0

    def likelihoods(self, prompt, replies):
        first = [each.question for each in GENERAL_PROMPTS[: self.lost]]
        gone = prompt.messages[-1].content in first
        return [self.right - 4.0 * gone, -2.0]


@dataclass
class Adapted(Speaker):
    base: object = None
    tuned: object = None


def test_an_adapter_that_forgets_is_found_out(asked, prices, tmp_path):
    class Forgets(Tiny):
        def prepare(self, *args, **more):
            return Adapted(self.say, base=Knows(-1.0), tuned=Knows(-1.0, lost=9))

    records = run(asked, prices, tmp_path, Forgets(sturdy))
    found = behaviour(records, "tiny").forgetting
    assert (found.n, found.known_before, found.still_known) == (12, 12, 3)
    assert found.change_nats == pytest.approx(-4 * 9 / 12)


def test_a_real_adapter_is_asked_with_and_without(asked, prices, tmp_path, tiny):
    lora = Lora(rank=2, epochs=1, learning_rate=0.05)
    records = run(asked, prices, tmp_path, lora, models={"tiny": lambda: tiny})
    record = probes_of(records, "lora")["forgetting"]
    assert record.reason is None
    assert record.examples == tuple(each.id for each in GENERAL_PROMPTS)
    assert record.values["right before"] != record.values["right after"]
    assert all(value < 0 for value in record.values["right before"])
    assert behaviour(records, "lora").forgetting.n == 12


def test_the_quote_holds_their_time(dataset, prices):
    local = QuotedModel(name="small", parameters=135_000_000)
    strategy = Tiny(right, needs_model=True)
    (plain,) = quote(dataset, [strategy], [local], prices, cores=2).rows
    (probed,) = quote(dataset, [strategy], [local], prices, cores=2, probes=True).rows
    each = plain.seconds / (40 + 3 + 40)
    assert probed.seconds - plain.seconds == pytest.approx(4 * 4 * each)
    assert probed.usd == pytest.approx(probed.seconds * 0.09 / 3600)
    hosted = QuotedModel(name="gpt-4o-mini", hosted=True)
    one, other = (
        quote(dataset, [strategy], [hosted], prices, probes=probes) for probes in (False, True)
    )
    assert one == other
