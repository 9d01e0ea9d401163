"""Texts that nearly repeat each other, and how varied a set of texts is."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from hashlib import blake2b
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHINGLE = 3
_MAX_POSTINGS = 256


class Groups:
    """Union-find over the numbers 0 to n-1; the root of a group is its smallest member."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def root(self, item: int) -> int:
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self.root(a), self.root(b)))
        self._parent[high] = low

    def join_equal(self, keys: Iterable[Hashable | None]) -> None:
        """Join the items whose keys are equal; None is equal to nothing."""
        first: dict[Hashable, int] = {}
        for item, key in enumerate(keys):
            if key is not None:
                self.join(first.setdefault(key, item), item)

    def members(self) -> list[list[int]]:
        """Every group, by its first member; members in order."""
        found: dict[int, list[int]] = defaultdict(list)
        for item in range(len(self._parent)):
            found[self.root(item)].append(item)
        return list(found.values())


def normalise(text: str) -> str:
    """The words in lower case, single-spaced, without punctuation (kept if there is no word)."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", plain)) or " ".join(text.split())


def near_duplicates(texts: Sequence[str], threshold: float = 0.8) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, that join all texts which nearly repeat each other.

    Two texts do so where the Jaccard similarity of their sets of word 3-grams reaches
    `threshold` (above 0, at most 1); texts of under four words, where they are equal once
    normalised. Of a cluster of near-duplicates the pairs form a tree, not every combination:
    each member occurs, and where a cluster spans two splits, some pair does.

    Exact, by prefix filtering (Chaudhuri et al. 2006; Bayardo et al. 2007): sets that similar
    share one of their few rarest shingles, so only texts that share a rare one are compared.
    The single limit: of a shingle in the prefix of over 256 texts, the last 256 are compared.
    """
    groups = Groups(len(texts))
    first: dict[str, int] = {}
    pairs = []
    fresh = []
    for item, text in enumerate(map(normalise, texts)):
        original = first.setdefault(text, item)
        if original != item:
            groups.join(original, item)
            pairs.append((original, item))
        elif text.count(" ") >= _SHINGLE:
            fresh.append((item, text))
    sets, lone = _rare_first([text for _, text in fresh])
    postings: dict[int, list[int]] = defaultdict(list)
    for place, own in enumerate(sets):
        prefix = own[: len(own) - ceil(threshold * len(own) - 1e-9) + 1].tolist()
        shared = [shingle for shingle in prefix if shingle >= lone]
        refused: set[int] = set()
        members = frozenset(own.tolist()) if shared else frozenset[int]()
        for shingle in shared:
            for other in postings[shingle][-_MAX_POSTINGS:]:
                a, b = fresh[other][0], fresh[place][0]
                if other in refused or groups.root(a) == groups.root(b):
                    continue
                if _similar(members, sets[other], threshold):
                    groups.join(a, b)
                    pairs.append((a, b))
                else:
                    refused.add(other)
        for shingle in shared:
            postings[shingle].append(place)
    return sorted(pairs)


def clusters(texts: Sequence[str], threshold: float = 0.8) -> list[list[int]]:
    """Every text's number, in clusters of near-duplicates; most hold one."""
    groups = Groups(len(texts))
    for a, b in near_duplicates(texts, threshold):
        groups.join(a, b)
    return groups.members()


def distinct_n(texts: Sequence[str], n: int = 2) -> float:
    """Different word n-grams over all word n-grams (Li et al. 2016); 0 where there are none."""
    grams = [gram for text in texts for gram in _grams(normalise(text).split(), n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _grams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def _rare_first(texts: Sequence[str]) -> tuple[list[NDArray[np.int32]], int]:
    """Each text's different shingles as numbers, rarest first, in one order for all; below the
    second result, those that one text alone holds.

    Shingles are told apart by 8 bytes of their digest, in arrays, so that many texts fit into
    memory; that two of a million share theirs has a chance below one in ten million.
    """
    import numpy as np  # not for whoever only serves

    sets = [
        np.unique(np.fromiter(map(_digest, _grams(text.split(), _SHINGLE)), dtype=np.uint64))
        for text in texts
    ]
    if not sets:
        return [], 0
    values, counts = np.unique(np.concatenate(sets), return_counts=True)
    rank = np.empty(len(values), dtype=np.int32)
    rank[np.lexsort((values, counts))] = np.arange(len(values), dtype=np.int32)
    ranked = [np.sort(rank[np.searchsorted(values, own)]) for own in sets]
    return ranked, int((counts == 1).sum())


def _digest(gram: Sequence[str]) -> int:
    data = " ".join(gram).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def _similar(own: frozenset[int], other: NDArray[np.int32], threshold: float) -> bool:
    if min(len(own), len(other)) < threshold * max(len(own), len(other)) - 1e-9:
        return False
    shared = sum(shingle in own for shingle in other.tolist())
    return shared >= threshold * (len(own) + len(other) - shared) - 1e-9
