"""Near-duplicates against the plain definition, and how varied texts are."""

import random
from itertools import combinations

import pytest

from corpora.similarity import Groups, clusters, distinct_n, near_duplicates, normalise


def jaccard(a: str, b: str) -> float:
    one, two = (
        {tuple(words[n : n + 3]) for n in range(len(words) - 2)}
        for words in (normalise(a).split(), normalise(b).split())
    )
    return len(one & two) / len(one | two)


def test_normalised_texts() -> None:
    assert normalise("  Ünïcode, WIDTH: ２!") == "ünïcode width 2"
    assert normalise(" ?? ") == "??"


def test_short_texts_are_compared_whole() -> None:
    texts = ["Yes!", "yes", "no way", "No, way.", "no ways", "???", "???", "yes"]
    assert near_duplicates(texts) == [(0, 1), (0, 7), (2, 3), (5, 6)]
    assert clusters(texts) == [[0, 1, 7], [2, 3], [4], [5, 6]]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 1.0])
def test_clusters_are_those_of_the_definition(threshold: float) -> None:
    draw = random.Random(3)
    texts = []
    for _ in range(60):
        base = [draw.choice("abcdefgh") for _ in range(draw.randint(4, 12))]
        texts.append(" ".join(base))
        base[draw.randrange(len(base))] = "x"
        texts.append(" ".join([*base, "y"]))
    expected = Groups(len(texts))
    for (i, a), (j, b) in combinations(enumerate(texts), 2):
        if a == b or jaccard(a, b) >= threshold:
            expected.join(i, j)
    assert clusters(texts, threshold) == expected.members()
    for i, j in near_duplicates(texts, threshold):
        assert i < j
        assert texts[i] == texts[j] or jaccard(texts[i], texts[j]) >= threshold


def test_ten_thousand_texts_take_a_moment() -> None:
    draw = random.Random(0)
    texts = [" ".join(str(draw.randrange(400)) for _ in range(12)) for _ in range(10_000)]
    assert near_duplicates([*texts, texts[0] + " more"]) == [(0, 10_000)]


def test_distinct_bigrams() -> None:
    assert distinct_n(["a b c", "A b d"]) == 3 / 4
    assert distinct_n(["a a a a"], n=1) == 1 / 4
    assert distinct_n(["word"]) == 0.0
