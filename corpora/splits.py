"""Which rows are learned from, which choose settings, and which judge.

A row's place depends on the seed and on the texts of the rows, never on their order in the
file: rows are drawn in the order of a hash of seed and input. Within a split the rows keep the
order of the file.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import zip_longest
from typing import NamedTuple

from corpora.errors import InvalidInput
from corpora.similarity import Groups, near_duplicates
from corpora.task import Example, Kind, Split

SHARES: dict[Split, Fraction] = {
    "train": Fraction(5, 10),
    "test": Fraction(4, 10),
    "validation": Fraction(1, 10),
}
CARVED: dict[Split, Fraction] = {"train": Fraction(5, 6), "validation": Fraction(1, 6)}


class Splits(NamedTuple):
    """The three parts of the rows, each in the order of the file."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]


def make_splits(
    examples: Sequence[Example],
    strata: Sequence[str],
    *,
    seed: int = 0,
    limit: int | None = None,
    train_limit: int | None = None,
) -> Splits:
    """Split the rows as they say, or 50% train, 10% validation and 40% test.

    `strata` (a label for each row) are spread evenly over the splits. Where rows name their
    splits but none is for validation, a sixth of the training rows is. `limit` caps the test
    rows, `train_limit` the training and validation rows together, in their proportion.
    Groups and clusters of near-duplicates are never cut by a split made here.
    """
    for name, cap in (("limit", limit), ("train_limit", train_limit)):
        if cap is not None and cap < 1:
            raise InvalidInput(name, cap, "Give a number of rows, 1 or more.")
    places: list[Split]
    if examples and examples[0].split is not None:
        places = [example.split or "train" for example in examples]
        if "validation" not in places:
            train = [number for number, split in enumerate(places) if split == "train"]
            carved = _place([examples[n] for n in train], [strata[n] for n in train], CARVED, seed)
            for number, split in zip(train, carved, strict=True):
                places[number] = split
    else:
        places = _place(examples, strata, SHARES, seed)
    if "test" not in places:
        fix = (
            "Their groups and near-duplicates cannot be cut, so that no row is left for testing: "
            "add rows of other groups, or give every row a `split`."
        )
        raise InvalidInput("examples", f"{len(examples)} rows", fix)
    rows = {split: [n for n, place in enumerate(places) if place == split] for split in SHARES}
    kept = _capped(examples, strata, rows, seed, limit, train_limit)
    return Splits(**{split: tuple(examples[number] for number in kept[split]) for split in SHARES})


def stratum_of(example: Example, kind: Kind, no_answer: str | None) -> str:
    """What is spread evenly over the splits: labels, or answerable and unanswerable rows."""
    if kind == "classification":
        return example.output
    return "unanswerable" if example.output == no_answer else ""


def nested_sample(
    examples: Sequence[Example], strata: Sequence[str], count: int, seed: int
) -> tuple[Example, ...]:
    """`count` of the rows in their own order, spread over strata and groups.

    Nested: those of a smaller count with the same seed are among those of a larger one.
    """
    order = _spread(examples, strata, range(len(examples)), seed, every_stratum=True)
    return tuple(examples[number] for number in sorted(order[:count]))


def _place(
    examples: Sequence[Example],
    strata: Sequence[str],
    shares: Mapping[Split, Fraction],
    seed: int,
) -> list[Split]:
    """A split for each row: units that hang together, largest first, where most room is left."""
    groups = Groups(len(examples))
    groups.join_equal(example.group for example in examples)
    for a, b in near_duplicates([example.input for example in examples]):
        groups.join(a, b)
    draw = [_draw(seed, example) for example in examples]
    units = []
    for members in groups.members():
        stratum = min(Counter(strata[n] for n in members).items(), key=lambda c: (-c[1], c[0]))[0]
        units.append((-len(members), stratum, min(draw[n] for n in members), members))
    room = {split: share * len(examples) for split, share in shares.items()}
    target = dict(room)
    places: list[Split] = ["train"] * len(examples)
    learned: set[str] = set()
    for _, stratum, _, members in sorted(units):
        fitting = [split for split in room if room[split] >= len(members)]
        if stratum not in learned and (not fitting or "train" in fitting):
            chosen: Split = "train"  # so that every label has something to learn from
        elif fitting:
            chosen = max(fitting, key=lambda split: room[split] / target[split])
        else:
            chosen = max(room, key=lambda split: room[split])
        room[chosen] -= len(members)
        for number in members:
            places[number] = chosen
            if chosen == "train":
                learned.add(strata[number])
    return places


def _capped(
    examples: Sequence[Example],
    strata: Sequence[str],
    rows: Mapping[Split, list[int]],
    seed: int,
    limit: int | None,
    train_limit: int | None,
) -> dict[Split, list[int]]:
    caps: dict[Split, int] = {split: len(numbers) for split, numbers in rows.items()}
    if limit is not None:
        caps["test"] = min(limit, caps["test"])
    known = caps["train"] + caps["validation"]
    if train_limit is not None and train_limit < known:
        validation = round(train_limit * caps["validation"] / known)
        if caps["validation"] and train_limit > 1:
            validation = max(1, validation)
        caps["train"] = min(max(train_limit - validation, 1), caps["train"])
        caps["validation"] = train_limit - caps["train"]
    kept: dict[Split, list[int]] = {}
    for split, numbers in rows.items():
        order = _spread(examples, strata, numbers, seed, every_stratum=split == "train")
        kept[split] = sorted(order[: caps[split]])
    return kept


def _spread(
    examples: Sequence[Example],
    strata: Sequence[str],
    numbers: Sequence[int],
    seed: int,
    *,
    every_stratum: bool,
) -> list[int]:
    """`numbers` in an order whose every beginning is a fair sample.

    Strata take turns in proportion to their rows, so that a small sample has the mix of labels
    that the whole has; with `every_stratum` each has one turn before any has a second. Within a
    stratum the groups take turns.
    """
    queues: dict[str, list[int]] = {}
    for stratum in sorted({strata[number] for number in numbers}):
        queues[stratum] = _over_groups(
            examples, [number for number in numbers if strata[number] == stratum], seed
        )
    size = {stratum: len(queue) for stratum, queue in queues.items()}
    # The k-th row of a stratum of n rows is due at (k - 1/2) / n: Webster's method.
    due = []
    for stratum, queue in queues.items():
        for place, number in enumerate(queue):
            first = every_stratum and place == 0
            turn = -size[stratum] if first else (place + 0.5) / size[stratum]
            due.append((turn, stratum, number))
    return [number for _, _, number in sorted(due)]


def _over_groups(examples: Sequence[Example], numbers: Sequence[int], seed: int) -> list[int]:
    """Drawn by hash: one row of each group, then a second of each, and so on."""
    drawn = sorted(numbers, key=lambda number: _draw(seed, examples[number]))
    by_group: dict[str, list[int]] = defaultdict(list)
    for number in drawn:
        group = examples[number].group
        by_group[f"id {examples[number].id}" if group is None else f"group {group}"].append(number)
    rounds = zip_longest(*by_group.values())
    return [number for turn in rounds for number in turn if number is not None]


def _draw(seed: int, example: Example) -> tuple[str, str]:
    """Where a row stands in the draw; rows of equal input follow by output and id."""
    digest = hashlib.sha256(f"{seed}\0{example.input}".encode()).hexdigest()
    return digest, f"{example.output}\0{example.id}"
