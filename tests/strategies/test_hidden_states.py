"""States of the frozen model are those of transformers; a head on them is judged by other rows."""

import numpy as np
import pytest
import torch

from corpora.task import Example, Task
from strategies.hidden_states import FOLDS, evened, folds, hidden_states, linear_head, probe
from strategies.models.base import Message, Prompt
from strategies.models.decoder import PlainDecoder
from strategies.models.fused import FusedDecoder
from strategies.models.local import LocalModel

TEXTS = ("my card is lost", "refund", "that bike box is on the order of you and my return")
PROMPTS = [
    Prompt((Message("system", "sort the card"), Message("user", text)), shared=1) for text in TEXTS
]
TASK = Task(
    name="cards",
    kind="classification",
    instruction="Sort the order.",
    labels=("card", "bike"),
    metric="accuracy",
)


@pytest.mark.parametrize("kind", [FusedDecoder, PlainDecoder])
def test_states_are_those_of_a_pass_over_each_prompt(tiny_folder, kind) -> None:
    model = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)
    vars(model)["decoder"] = kind(model.network)
    found = hidden_states(model, PROMPTS)
    for row, prompt in enumerate(PROMPTS):
        encoded = model.encode(prompt)
        with torch.no_grad():
            out = model.network(torch.tensor([encoded.ids]), output_hidden_states=True)
        for name, layer in (("middle", 1), ("final", 2)):
            own = out.hidden_states[layer][0, encoded.shared :].double().numpy()
            own /= np.sqrt((own**2).mean(axis=1, keepdims=True) + 1e-6)
            for over, wanted in (("mean", own.mean(axis=0)), ("last", own[-1])):
                vectors = found.vectors[f"{name} {over}"]
                assert vectors.shape == (len(PROMPTS), 32)
                np.testing.assert_allclose(vectors[row], wanted, atol=1e-4)
    encoded = [model.encode(prompt) for prompt in PROMPTS]
    assert found.tokens == encoded[0].shared + sum(len(each.own) for each in encoded)


def clusters(labels, seed: int, apart: float = 3.0) -> np.ndarray:
    drawn = np.random.default_rng(seed)
    centers = {"a": np.zeros(40), "b": np.full(40, apart), "c": np.r_[np.full(20, apart), [0] * 20]}
    return np.array([centers[label] + drawn.normal(size=40) for label in labels])


def test_labels_that_lie_apart_are_told_apart() -> None:
    train, wanted = ["a", "b", "c"] * 8, ["c", "a", "b", "a"]
    head = linear_head(clusters(train, 0), train, clusters(wanted, 1), wanted)
    assert (head.out_of_fold, head.validation, head.predicted) == (1.0, 1.0, tuple(wanted))
    wrong = linear_head(clusters(train, 0), train, clusters(wanted, 1), ["a", "a", "b", "b"])
    assert (wrong.validation, wrong.predicted) == (0.5, tuple(wanted))


def test_rows_of_a_group_do_not_tell_of_each_other() -> None:
    """Pairs of equal rows whose labels mean nothing: known only by their twins."""
    drawn = np.random.default_rng(0)
    vectors = np.repeat(drawn.normal(size=(40, 60)), 2, axis=0)
    labels = [str(label) for label in np.repeat(drawn.permutation([0, 1] * 20), 2)]
    groups = [str(row // 2) for row in range(80)]
    alone = linear_head(vectors, labels, vectors[:0], [])
    apart = linear_head(vectors, labels, vectors[:0], [], groups=groups)
    assert alone.out_of_fold > 0.8
    assert apart.out_of_fold < 0.7
    assert (apart.validation, apart.predicted) == (None, ())


@pytest.mark.parametrize("labels", [["a"] * 7, ["a", "b"], ["a"]])
def test_few_rows_and_a_single_label_are_judged_too(labels: list[str]) -> None:
    head = linear_head(clusters(labels, 0), labels, clusters(["a"], 1), ["a"])
    assert head.out_of_fold == (1.0 if len(labels) == 7 else 0.0)
    assert head.validation == 1.0


def test_folds_hold_labels_evenly_and_groups_whole() -> None:
    labels = ["a"] * 20 + ["b"] * 10
    found = folds(labels, [None] * 30, 3)
    assert sorted(found[:20]) == sorted(list(range(FOLDS)) * 4)
    assert sorted(found[20:]) == sorted(list(range(FOLDS)) * 2)
    assert (found == folds(labels, [None] * 30, 3)).all()
    assert not (found == folds(labels, [None] * 30, 4)).all()
    paired = folds(labels, [str(row // 2) for row in range(30)], 3)
    assert (paired[::2] == paired[1::2]).all()


def test_turning_vectors_into_fewer_dimensions_keeps_their_products() -> None:
    drawn = np.random.default_rng(0)
    train, others = drawn.normal(size=(6, 50)), drawn.normal(size=(4, 50))
    turned, turned_others = evened(train, others)
    assert turned.shape[1] == 6
    scale = train.std(axis=0) * np.sqrt(50)
    even, even_others = ((rows - train.mean(axis=0)) / scale for rows in (train, others))
    np.testing.assert_allclose(turned @ turned.T, even @ even.T, atol=1e-10)
    np.testing.assert_allclose(turned_others @ turned.T, even_others @ even.T, atol=1e-10)


def test_a_probe_tells_words_apart_and_leaves_out_what_does_not_fit(
    tiny_model: LocalModel,
) -> None:
    words = ("card", "bike") * 10
    rows = [
        Example(id=f"r{n}", input=f"{word} {word} {word} {n}", output=word)
        for n, word in enumerate(words)
    ]
    long = Example(id="long", input="order " * 3000, output="card")
    head = probe(TASK, tiny_model, [long, *rows[:14]], [rows[14], long, *rows[15:]])
    assert [*zip(head.rows, head.predicted, strict=True)] == [
        (row.id, row.output) for row in rows[14:]
    ]
    assert head.out_of_fold > 0.9
    assert head.validation == 1.0
    assert head.place is not None
    assert head.operations > 0
    assert head == probe(TASK, tiny_model, [long, *rows[:14]], [rows[14], long, *rows[15:]])
