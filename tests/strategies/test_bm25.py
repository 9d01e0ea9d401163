"""Both BM25+ libraries behind the retriever: one ranking, to the last tie."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from strategies.bm25 import (
    LARGE,
    Bm25sScorer,
    RankBm25Scorer,
    WordRows,
    highest,
    load_scorer,
    word_scorer,
)


def counted(texts):
    rows = WordRows()
    for text in texts:
        rows.add(text.split())
    return rows


def scores(scorer, query):
    result = np.zeros(scorer.size)
    for word, times in Counter(query.split()).items():
        scorer.add_gains(result, word, times)
    return result


def random_corpus(seed):
    """Texts of few words, so that many tie: some empty, some twice, some words in every text."""
    rng = np.random.default_rng(seed)
    size, vocabulary = int(rng.integers(1, 120)), int(rng.integers(2, 40))
    common = "the " if seed % 3 == 0 else ""
    texts = []
    for _ in range(size):
        words = rng.zipf(1.5, size=int(rng.integers(0, 12))) % vocabulary
        texts.append(common + " ".join(f"w{word}" for word in words))
    texts += texts[: size // 3] + [""] * (seed % 2)
    queries = []
    for _ in range(30):
        words = rng.integers(0, vocabulary + 4, size=int(rng.integers(0, 9)))  # some unknown
        queries.append(" ".join(f"w{word}" for word in words) + " the" * int(rng.integers(0, 3)))
    return texts, queries


def oracle(texts, query):
    """Rank by exact sums, from the formula alone: [(place, gain)], best first."""
    from fractions import Fraction
    from math import log

    rows = [text.split() for text in texts]
    mean = Fraction(sum(map(len, rows)), len(rows))
    gains = []
    for row in rows:
        total = Fraction(0)
        for word in query.split():
            having = sum(word in other for other in rows)
            if word in row:
                length = Fraction(1, 4) + Fraction(3, 4) * len(row) / mean
                times = row.count(word)
                part = Fraction(5, 2) * times / (Fraction(3, 2) * length + times)
                total += Fraction(log((len(rows) + 1) / having)) * part
        gains.append(total)
    order = sorted(range(len(rows)), key=lambda place: (-gains[place], place))
    return [place for place in order if gains[place]], gains


@pytest.mark.parametrize("seed", range(40))
def test_both_libraries_rank_alike(seed):
    texts, queries = random_corpus(seed)
    rows = counted(texts)
    if not rows.vocab:
        pytest.skip("no words at all")
    slow, fast = RankBm25Scorer(rows), Bm25sScorer.build(rows)
    for query in queries:
        one, other = scores(slow, query), scores(fast, query)
        assert one.tolist() == other.tolist()  # to the last bit
        for k in (1, 5, len(texts)):
            assert highest(one, k).tolist() == highest(other, k).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_the_ranking_is_that_of_the_formula_in_exact_numbers(seed):
    texts, queries = random_corpus(seed)
    fast = Bm25sScorer.build(counted(texts))
    for query in queries[:10]:
        expected, gains = oracle(texts, query)
        found = scores(fast, query)
        assert found == pytest.approx([float(gain) for gain in gains], abs=1e-12)
        assert highest(found, len(texts)).tolist() == expected
        assert highest(found, 3).tolist() == expected[:3]


def test_a_text_with_a_word_of_the_query_is_a_hit_however_common_the_word():
    texts = ["the " * 500, "the", "the the"] * 200 + [""]
    rows = counted(texts)
    for scorer in (RankBm25Scorer(rows), Bm25sScorer.build(rows)):
        assert len(highest(scores(scorer, "the"), 10**6)) == 600


def test_sums_in_another_order_tie():
    # 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit
    values = np.array([0.0, 0.3 + 0.2 + 0.1, 0.1 + 0.2 + 0.3, 0.5, 0.7])
    assert values[1] != values[2]
    assert highest(values, 9).tolist() == [4, 1, 2, 3]
    assert highest(values[[0, 2, 1, 3, 4]], 2).tolist() == [4, 1]
    assert highest(values, 0).tolist() == highest(np.zeros(3), 5).tolist() == []


@pytest.mark.parametrize("seed", range(6))
def test_the_highest_of_many_are_those_of_a_full_sort(seed):
    rng = np.random.default_rng(seed)
    values = np.round(rng.exponential(size=5000 + seed), seed % 3)  # from very many ties to few
    values[rng.random(len(values)) < (0.2, 0.999)[seed % 2]] = 0.0
    order = [place for place in np.argsort(-values, kind="stable").tolist() if values[place]]
    for k in (1, 3, 19, 20, 400, 6000):
        assert highest(values, k).tolist() == order[:k]


def test_the_library_follows_from_the_number_of_chunks():
    few, many = counted(["a b"] * 9), counted(["a b"] * 10)
    assert isinstance(word_scorer(few, large=10), RankBm25Scorer)
    assert isinstance(word_scorer(many, large=10), Bm25sScorer)
    assert isinstance(word_scorer(counted(["a"] * LARGE)), Bm25sScorer)
    assert word_scorer(counted(["", ""])) is word_scorer(WordRows()) is None


def test_a_large_index_is_loaded_and_a_small_one_counted_again(tmp_path: Path):
    texts, queries = random_corpus(6)
    texts.append("été 東京 𝒳 \u2028x")
    rows = counted(texts)
    fast = word_scorer(rows, large=1)
    fast.save(tmp_path)
    again = load_scorer(tmp_path)
    assert again.size == len(texts)
    for query in [*queries, "東京 été 𝒳"]:
        assert scores(again, query).tolist() == scores(fast, query).tolist()
    RankBm25Scorer(rows).save(tmp_path / "none")
    assert load_scorer(tmp_path / "none") is None


def test_rows_are_read_again_and_again():
    rows = counted(["b a b", "", "c a"])
    assert rows.vocab == {"b": 0, "a": 1, "c": 2}
    assert list(rows) == list(rows) == [[0, 1, 0], [], [2, 1]]
    assert len(rows) == 3


JAX = """
from pathlib import Path
Path(__file__).with_name("started").touch()
"""


def test_jax_beside_it_is_not_started(tmp_path):
    # a fresh process: here bm25s may have been imported already
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text(JAX)
    (tmp_path / "jax" / "lax.py").write_text("def top_k(values, k): ...")
    found = subprocess.run(
        [sys.executable, "-c", SEARCH],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.stdout == "2\n", found.stderr
    assert not (tmp_path / "jax" / "started").exists()


SEARCH = """
from strategies.bm25 import Bm25sScorer, WordRows
rows = WordRows()
rows.add(["one"])
rows.add(["other"])
print(Bm25sScorer.build(rows).size)

"""
