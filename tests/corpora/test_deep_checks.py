"""Paraphrases and suspect labels, by an embedder that knows topics and nothing else."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
from checked import TASK, clean, found, only, row

from corpora.checks.suspects import out_of_fold
from corpora.task import Dataset, Example

FRUIT = ["apple", "pear", "plum", "fig"]
BEAST = ["bear", "wolf", "lynx", "hare"]


def direction(word: str) -> np.ndarray:
    drawn = np.random.default_rng(zlib.crc32(word.encode())).normal(size=64)
    return drawn / np.linalg.norm(drawn)


def embed(texts: Sequence[str]) -> np.ndarray:
    """What stands before a colon is the topic, and all there is to the text."""
    kinds = {"a": FRUIT, "b": BEAST}
    vectors = []
    for text in texts:
        vector = direction(text.partition(":")[0])
        for name, words in kinds.items():
            if text.split()[0] in words:
                vector = vector + 1.5 * direction(name)
        vectors.append(vector / np.linalg.norm(vector))
    return np.array(vectors, dtype=np.float32)


def told_apart(name: str, n: int) -> list[Example]:
    return [
        row(f"{name}{k}", f"{(FRUIT, BEAST)[k % 2][k % 3]} {name} {k}", "ab"[k % 2])
        for k in range(n)
    ]


def sorted_out(**more: list[Example]) -> Dataset:
    sizes = {"train": 40, "validation": 6, "test": 160}
    return clean(**{name: [*told_apart(name, n), *more.get(name, [])] for name, n in sizes.items()})


def test_clean_data_have_no_finding() -> None:
    assert found(sorted_out(), embed=embed) == []


def test_paraphrases_of_what_was_seen() -> None:
    dataset = sorted_out(
        train=[row("seen", "lost parcel: where has it gone"), row("days", "delay: 3 days")],
        test=[row("other", "lost parcel: I wait since Monday"), row("number", "delay: 4 days")],
    )
    finding = only(dataset, embed=embed)
    assert (finding.severity, finding.check) == ("info", "paraphrases")
    assert finding.examples == ("other",)
    assert "closest: other and seen, 1.00" in finding.message


def test_what_words_show_is_not_told_again() -> None:
    text = "lost parcel: one two three four five six seven eight nine ten"
    dataset = sorted_out(train=[row("seen", text)], test=[row("same", f"{text} eleven")])
    assert found(dataset, embed=embed) == [("warning", "near-duplicates", ("same",))]


def test_wrong_labels_are_ranked_and_named() -> None:
    wrong = [row("wrong", "apple upside down", "b"), row("bad", "wolf upside down", "a")]
    finding = only(sorted_out(train=wrong[:1], test=wrong[1:]), embed=embed)
    assert (finding.severity, finding.check) == ("info", "suspect-labels")
    assert set(finding.examples) == {"wrong", "bad"}
    assert "wrong: 'b', it says 'a'" in finding.message
    assert "Only about half of such labels are truly wrong" in finding.message
    assert re.search(r"agrees with 99% of all labels", finding.message)


def test_a_group_does_not_vouch_for_itself() -> None:
    words = [(f"apple twin {k}", "b") for k in range(30)]
    twins = [row(f"t{k}", text, label, group="one") for k, (text, label) in enumerate(words)]
    finding = only(sorted_out(test=twins), embed=embed)
    assert set(finding.examples) <= {twin.id for twin in twins}
    assert finding.message.startswith("30 labels that may be wrong")


def test_the_ranking_is_by_the_loss_of_the_given_label() -> None:
    tilted = [[1.0, 0.0], [0.8, 0.6]] * 15 + [[0.0, 1.0], [0.6, 0.8]] * 15
    vectors = np.array(tilted, dtype=np.float32)
    vectors[:2] = [[0.0, 1.0], [0.1, 0.995]]
    judged = out_of_fold(vectors, ["x"] * 30 + ["y"] * 30, range(60))
    assert judged is not None
    assert [(each.number, each.given, each.says) for each in judged.suspects] == [
        (0, "x", "y"),
        (1, "x", "y"),
    ]
    assert judged.suspects[0].loss > judged.suspects[1].loss > -np.log(0.5)
    assert judged.agreement == 58 / 60


def test_too_little_to_judge_by() -> None:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(200, 8)).astype(np.float32)
    mixed = ["xy"[k % 2] for k in range(200)]
    assert out_of_fold(vectors, mixed, range(200)) is None
    few = ["x"] * 191 + ["y"] * 9
    assert out_of_fold(vectors, few, range(200)) is None
    assert out_of_fold(vectors, mixed, [k // 60 for k in range(200)]) is None


def test_other_kinds_have_no_labels_to_suspect() -> None:
    writing = TASK.model_copy(update={"kind": "generation", "labels": (), "metric": "rouge_l"})
    assert found(clean(writing), embed=embed) == []
