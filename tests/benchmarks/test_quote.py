"""Quotes worked out by hand."""

import pytest
from conftest import rows
from tinystrategies import Tiny, right

from benchmarks.errors import BadPriceFile
from benchmarks.quote import QuotedModel, quote
from benchmarks.workload import embedding_seconds, sizes_of
from corpora.power import detectable_difference
from corpora.task import Document, Search
from strategies.lora import Lora
from strategies.optimized_rag import OptimizedRag
from strategies.passage import BestPassage
from strategies.rag import Bm25Rag, HybridRag

LOCAL = QuotedModel(name="small", parameters=135_000_000)


def test_a_local_model_by_hand(dataset, prices):
    """12 training rows of 7 words and 1 word; 3 labels of 1 word; 10 words of instruction."""
    strategy = Tiny(right, name="lora", family="fine-tuning", needs_model=True)
    strategy.epochs = 3
    found = quote(dataset, [strategy], [LOCAL], prices, cores=2)
    (row,) = found.rows
    words = len(dataset.test[0].input.split())
    fresh, labels = 1.35 * words, 1.35 * 3
    request = (fresh + labels) / 650
    training = 3 * ((fresh + 1.35) * 12 / 200 + 6 * request)
    assert row.setup_seconds == pytest.approx(training)
    assert row.seconds == pytest.approx(training + request * (20 + 63 + 64))
    assert row.usd == pytest.approx(row.seconds * 0.09 / 3600)
    instruction = len(dataset.task.instruction.split()) + 3
    assert row.prompt_tokens == pytest.approx(1.35 * (instruction + words) + 20)
    assert found.detectable_difference == detectable_difference(40)
    assert (found.machine, found.paid, found.n_test) == ("cpu-2-core", False, 40)


def test_a_model_twice_as_large_takes_twice_the_time(dataset, prices):
    strategy = Tiny(right, needs_model=True)
    small = quote(dataset, [strategy], [LOCAL], prices, cores=2)
    double = LOCAL.model_copy(update={"parameters": 270_000_000})
    large = quote(dataset, [strategy], [double], prices, cores=2)
    assert large.seconds == pytest.approx(2 * small.seconds)


def test_examples_cost_prompt_tokens_and_a_misfit_costs_nothing(dataset, prices):
    few = Tiny(right, name="few", family="prompting", needs_model=True)
    few.shots = 8
    unfit = Tiny(right, name="rag", family="rag", needs_model=True, excuse="rag needs documents")
    zero, shot, skipped = quote(
        dataset,
        [Tiny(right, name="zero", family="prompting", needs_model=True), few, unfit],
        [LOCAL],
        prices,
    ).rows
    words = len(dataset.test[0].input.split())
    assert shot.prompt_tokens - zero.prompt_tokens == pytest.approx(8 * 1.35 * (words + 1))
    assert (skipped.skipped, skipped.seconds, skipped.usd) == ("rag needs documents", 0.0, 0.0)


def test_a_hosted_model_is_quoted_by_the_token_or_refused(dataset, prices):
    strategy = Tiny(right, needs_model=True)
    hosted = QuotedModel(name="gpt-4o-mini", hosted=True)
    found = quote(dataset, [strategy], [hosted], prices)
    (row,) = found.rows
    tokens = row.prompt_tokens * 0.15 + row.completion_tokens * 0.60
    assert found.paid
    assert row.usd == pytest.approx(83 * tokens / 1e6)
    with pytest.raises(BadPriceFile, match=r"models\.nobody-knows-me"):
        quote(dataset, [strategy], [QuotedModel(name="nobody-knows-me", hosted=True)], prices)


def test_one_that_needs_the_weights_is_not_quoted_for_a_hosted_model(dataset, prices):
    hosted = QuotedModel(name="gpt-4o-mini", hosted=True)
    (row,) = quote(dataset, [Lora()], [hosted], prices).rows
    said = "lora needs the weights of the model; gpt-4o-mini has none here"
    assert (row.skipped, row.usd) == (said, 0.0)
    (row,) = quote(dataset, [Lora()], [LOCAL], prices).rows
    assert row.skipped is None


def test_a_search_without_a_language_model_is_quoted_too(dataset, prices):
    strategy = Tiny(right)
    strategy.searches = True
    (row,) = quote(dataset, [strategy], [], prices, cores=2).rows
    assert (row.setup_seconds, row.seconds) == (180.0, 180.0)


def test_one_that_raises_harms_no_other(dataset, prices):
    class Broken(Tiny):
        def misfit(self, task, *, has_documents, model):
            raise ValueError("no such luck")

    broken, good = quote(dataset, [Broken(right, name="a"), Tiny(right)], [LOCAL], prices).rows
    assert (broken.skipped, broken.seconds) == ("ValueError: no such luck", 0.0)
    assert good.skipped is None


class Searching(Tiny):
    searches = True


@pytest.mark.parametrize(
    ("trials", "limit", "spent"),
    [(4, 1000, 4), (4, 2, 2), (4, 0.5, 1)],
)
def test_choosing_settings_is_quoted_within_its_seconds(dataset, prices, trials, limit, spent):
    """Six validation rows a trial; `limit` and `spent` count trials."""
    (plain,) = quote(dataset, [Tiny(right, needs_model=True)], [LOCAL], prices, cores=2).rows
    words = len(dataset.test[0].input.split())
    trial = 6 * 1.35 * (words + 3) / 650
    search = Search(trials=trials, seconds=limit * trial)
    task = dataset.task.model_copy(update={"search": search})
    asked = dataset.model_copy(update={"task": task})
    strategy = Searching(right, needs_model=True)
    (row,) = quote(asked, [strategy], [LOCAL], prices, cores=2).rows
    assert row.setup_seconds == pytest.approx(spent * trial)
    assert row.seconds - plain.seconds == pytest.approx(spent * trial)
    assert row.search_seconds == pytest.approx(max(limit, 1) * trial)
    assert plain.search_seconds == 0.0


def test_a_hosted_model_bills_the_requests_of_choosing(dataset, prices):
    hosted = QuotedModel(name="gpt-4o-mini", hosted=True)
    (plain,) = quote(dataset, [Tiny(right, needs_model=True)], [hosted], prices, cores=2).rows
    (row,) = quote(dataset, [Searching(right, needs_model=True)], [hosted], prices, cores=2).rows
    tokens = row.prompt_tokens * 0.15 + row.completion_tokens * 0.60
    machine = row.setup_seconds * 0.09 / 3600
    assert row.setup_seconds == pytest.approx(8 * 6 / 8)
    assert row.usd - plain.usd == pytest.approx(8 * 6 * tokens / 1e6 + machine)


def test_retrieval_that_is_chosen_indexes_the_documents_several_times(dataset, prices):
    documents = (Document(id="d", text="word " * 4000),)
    task = dataset.task.model_copy(update={"search": Search(trials=1, seconds=1e6)})
    asked = dataset.model_copy(update={"documents": documents, "task": task})
    (plain,) = quote(asked, [HybridRag()], [LOCAL], prices, cores=2).rows
    (row,) = quote(asked, [OptimizedRag()], [LOCAL], prices, cores=2).rows
    assert plain.setup_seconds == pytest.approx(27 / 40)
    trial = row.setup_seconds - 5 * 27 / 40
    words = len(dataset.test[0].input.split())
    assert trial == pytest.approx(6 * (1.35 * (words + 3) + 3 * 200) / 650)


def test_passages_of_short_documents_are_short(dataset, prices):
    """40 documents of 20 words stay whole, each a passage of its own, and none is cut to fill 200
    tokens; one of 400 words is cut into three."""
    short = [Document(id=f"d{n}", text=f"page {n} " + "word " * 18) for n in range(40)]
    for documents, passages, length in (
        (short, 40, 1.35 * 20),
        ([Document(id="d", text="word " * 400)], 3, 1.35 * 400 / 3),
    ):
        asked = dataset.model_copy(update={"documents": tuple(documents)})
        strategies = [HybridRag(), Bm25Rag(), Tiny(right, needs_model=True)]
        found = quote(asked, strategies, [LOCAL], prices, cores=2).rows
        rows = {row.id: row for row in found}
        hybrid, words, none = rows["rag.hybrid"], rows["rag.bm25"], rows["tiny"]
        assert hybrid.setup_seconds == pytest.approx(passages / 40)
        assert words.setup_seconds == 0.0
        speed = prices.machines["cpu-2-core"].speed
        passage = embedding_seconds(BestPassage(), asked, sizes_of(asked), speed)
        assert passage == hybrid.setup_seconds
        shots, top_k = HybridRag().shots, HybridRag().top_k
        examples = shots * 1.35 * (len(dataset.test[0].input.split()) + 1)
        more = hybrid.prompt_tokens - none.prompt_tokens - examples
        assert more == pytest.approx((top_k + shots) * length)
        assert words.prompt_tokens == hybrid.prompt_tokens


def test_a_learning_curve_is_quoted_training_by_training(dataset, prices):
    """60 training rows: 6 and 15 of them three times, 30 twice; 40 test rows each time."""
    wide = dataset.model_copy(update={"train": rows("train", 60)})
    asked = wide.model_copy(update={"task": wide.task.model_copy(update={"learning_curve": True})})
    tuned = Tiny(right, name="lora", family="fine-tuning", needs_model=True)
    tuned.epochs = 3
    plain_row, row, prompt_row = (
        quote(data, [strategy], [LOCAL], prices, cores=2).rows[0]
        for data, strategy in (
            (wide, tuned),
            (asked, tuned),
            (asked, Tiny(right, family="prompting", needs_model=True)),
        )
    )
    fresh = 1.35 * len(wide.test[0].input.split())
    request = (fresh + 1.35 * 3) / 650
    learned = 3 * (fresh + 1.35) / 200
    expected = 8 * (3 * 6 * request + 40 * request) + learned * (3 * 6 + 3 * 15 + 2 * 30)
    assert row.curve_seconds == pytest.approx(expected, rel=0.01)
    assert row.setup_seconds == plain_row.setup_seconds
    assert row.seconds == pytest.approx(plain_row.seconds + row.curve_seconds)
    assert row.usd == pytest.approx(row.seconds * 0.09 / 3600)
    assert (plain_row.curve_seconds, prompt_row.curve_seconds) == (0.0, 0.0)
