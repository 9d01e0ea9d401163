"""The clock of a search: what is reused counts as long as it took when it was computed."""

from time import perf_counter

from corpora.task import Search as Budget
from strategies.cache import Cache
from strategies.embedding import HashingEmbedder
from strategies.embedding_reuse import CachedEmbedder
from strategies.reuse import Session, charged_clock, opened
from strategies.search import Search


class Clock:
    """Seconds that pass only where the test says so."""

    now = 0.0

    def __call__(self):
        return self.now


class Slow(HashingEmbedder):
    """Takes 80 seconds a call, and counts its calls."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.calls = clock, 0

    def embed(self, texts):
        self.calls += 1
        self.clock.now += 80.0
        return super().embed(texts)


def test_a_search_spends_its_budget_as_if_nothing_were_reused(tmp_path):
    clock = Clock()
    inner = Slow(clock)
    cache = Cache(tmp_path / "results", worth_seconds=0.0)

    def session():
        return opened(Session(cache, ("embedding",), {}, clock))

    def spent():
        with session():
            search = Search(Budget(seconds=100.0), (), lambda examples, answers: 0.0)
            embedder.embed(["one", "two"])
            clock.now += 3.0
            return search.spent

    embedder = CachedEmbedder(inner)
    with session():
        embedder.embed(["ready"])  # which loads it
    calls = inner.calls
    assert [spent(), spent()] == [83.0, 83.0]
    assert inner.calls == calls + 1


def test_without_a_session_it_is_that_of_the_wall():
    before = perf_counter()
    assert before <= charged_clock() <= perf_counter()
