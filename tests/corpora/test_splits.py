"""Splits are fair, seeded, and never cut a group or a cluster of near-duplicates."""

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from corpora.splits import Splits, make_splits, nested_sample
from corpora.task import Example


def row(n: int, output: str, **more: Any) -> Example:
    """A row that shares no word with any other."""
    return Example(id=f"r{n}", input=f"a{n} b{n} c{n} d{n}", output=output, **more)


def split(examples: list[Example], **options: Any) -> Splits:
    return make_splits(examples, [example.output for example in examples], **options)


def sizes(splits: Splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.validation), len(splits.test)


def ids(splits: Splits) -> list[set[str]]:
    return [{example.id for example in part} for part in splits]


LABELLED = [row(n, "abcd"[n % 4]) for n in range(100)]


def test_half_a_tenth_and_four_tenths_of_every_label() -> None:
    splits = split(LABELLED)
    assert sizes(splits) == (50, 10, 40)
    for part, least in ((splits.train, 12), (splits.validation, 2), (splits.test, 9)):
        count = Counter(example.output for example in part)
        assert min(count.values()) >= least
        assert max(count.values()) - min(count.values()) <= 2


def test_the_order_of_the_file_does_not_matter_but_the_seed_does() -> None:
    shuffled = random.Random(1).sample(LABELLED, k=100)
    assert ids(split(shuffled)) == ids(split(LABELLED))
    assert ids(split(shuffled, limit=9, train_limit=20)) == ids(
        split(LABELLED, limit=9, train_limit=20)
    )
    assert ids(split(LABELLED, seed=1)) != ids(split(LABELLED))
    assert [example.id for example in split(LABELLED).test] == sorted(
        (example.id for example in split(LABELLED).test), key=lambda name: int(name[1:])
    )


def test_groups_and_near_duplicates_stay_together() -> None:
    grouped = [row(n, "ab"[n % 2], group=f"g{n // 5}") for n in range(100)]
    long = " ".join(f"word{n}" for n in range(40))
    twins = [Example(id=f"t{n}", input=f"{long} {n}", output="a") for n in range(6)]
    bridge = [Example(id="bridge", input=f"{long} 99", output="b", group="g0")]
    splits = split([*grouped, *twins, *bridge])
    where = {example.id: place for place, part in enumerate(splits) for example in part}
    assert len(where) == 107
    for n in range(100):
        assert where[f"r{n}"] == where[f"r{n - n % 5}"]
    assert {where[f"t{n}"] for n in range(6)} == {where["bridge"]} == {where["r0"]}
    assert abs(len(splits.test) - 42.8) <= 6


def test_every_label_has_a_training_row_first() -> None:
    rare = [row(n, f"label{n // 2}") for n in range(40)]
    splits = split(rare)
    assert {example.output for example in splits.train} == {f"label{n}" for n in range(20)}
    assert sizes(splits) == (20, 4, 16)


@pytest.mark.parametrize("n", [2, 3, 4, 7, 10])
def test_a_few_rows_leave_some_for_testing(n: int) -> None:
    splits = split([row(place, "a") for place in range(n)])
    assert sum(sizes(splits)) == n
    assert splits.train
    assert splits.test


def test_given_splits_are_kept_and_validation_is_carved() -> None:
    given = [row(n, "ab"[n % 2], split="train" if n < 60 else "test") for n in range(100)]
    splits = split(given)
    assert sizes(splits) == (50, 10, 40)
    assert ids(splits)[2] == {f"r{n}" for n in range(60, 100)}
    assert Counter(example.output for example in splits.validation) == {"a": 5, "b": 5}
    full = [
        example.model_copy(update={"split": "validation"}) if example.id == "r0" else example
        for example in given
    ]
    assert sizes(split(full)) == (59, 1, 40)


def test_caps_keep_the_proportion_and_the_mix() -> None:
    splits = split(LABELLED, limit=8, train_limit=30)
    assert sizes(splits) == (25, 5, 8)
    assert Counter(example.output for example in splits.test) == dict.fromkeys("abcd", 2)
    assert ids(splits)[2] < ids(split(LABELLED, limit=20))[2] < ids(split(LABELLED))[2]
    assert sizes(split(LABELLED, limit=1000, train_limit=1000)) == (50, 10, 40)
    assert sizes(split(LABELLED, train_limit=1)) == (1, 0, 40)
    assert sizes(split(LABELLED, train_limit=2)) == (1, 1, 40)


def test_a_capped_test_split_has_the_mix_of_the_whole() -> None:
    skewed = [row(n, "spam" if n % 10 == 0 else "ham", split="test") for n in range(300)]
    skewed += [row(n, "spam" if n % 50 == 0 else "ham", split="train") for n in range(300, 500)]
    splits = split(skewed, limit=100, train_limit=12)
    assert Counter(example.output for example in splits.test) == {"spam": 10, "ham": 90}
    assert {example.output for example in splits.train} == {"spam", "ham"}


def test_a_capped_split_takes_from_many_groups() -> None:
    grouped = [row(n, "a", group=f"g{n // 10}", split="test") for n in range(100)]
    splits = split(grouped, limit=10)
    assert len({example.group for example in splits.test}) == 10


def test_a_nested_sample_lies_within_every_larger_one_and_has_the_mix_of_labels() -> None:
    strata = [example.output for example in LABELLED]
    samples = [nested_sample(LABELLED, strata, count, seed=3) for count in (4, 10, 25, 100)]
    assert [len(sample) for sample in samples] == [4, 10, 25, 100]
    for smaller, larger in pairwise(samples):
        assert {row.id for row in smaller} < {row.id for row in larger}
        assert [row for row in larger if row in smaller] == list(smaller)
    for sample in samples:
        count = Counter(example.output for example in sample)
        assert len(count) == 4
        assert max(count.values()) - min(count.values()) <= 1
    assert nested_sample(LABELLED, strata, 25, seed=4) != samples[2]
