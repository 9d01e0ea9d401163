"""Embedders: shapes, lengths, and the same vectors every time."""

import subprocess
import sys

import numpy as np
import pytest

from strategies import embedding
from strategies.baselines import Majority, Nearest
from strategies.embedding import HashingEmbedder, default_embedder
from strategies.errors import NotFetched


def test_hashed_vectors_have_length_one():
    vectors = HashingEmbedder(64).embed(["Return the bike.", "", "¡!", "a"])
    assert vectors.shape == (4, 64)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    assert HashingEmbedder(64).embed([]).shape == (0, 64)


def test_like_spelling_is_like():
    first, near, far = HashingEmbedder().embed(
        ["returning the bike", "he returned two bikes", "bank fees abroad"]
    )
    assert first @ near > first @ far + 0.2


def test_hashed_vectors_are_the_same_in_another_process():
    code = (
        "from strategies.embedding import HashingEmbedder as H;"
        "print(H(8).embed(['one Two'])[0].round(4).tolist())"
    )
    environment = {"PYTHONHASHSEED": "7"}
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert said.strip() == str(HashingEmbedder(8).embed(["one Two"])[0].round(4).tolist())


def test_the_fingerprint_tells_vector_spaces_apart():
    assert HashingEmbedder(64).fingerprint != HashingEmbedder(128).fingerprint


def test_words_and_signs_are_counted():
    assert HashingEmbedder().count_tokens("Don't wait, go!") == 7


def test_the_default_embedder_names_the_command_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path))
    with pytest.raises(NotFetched, match="tuneworth models pull all-minilm-l6-v2"):
        default_embedder()


@pytest.mark.real_model
def test_the_real_embedder_knows_meaning():
    embedder = default_embedder()
    assert embedder is default_embedder()
    question, answer, other = embedder.embed(
        ["How do I return it?", "Send the goods back within 30 days.", "The battery holds 400 Wh."]
    )
    assert question @ answer > question @ other + 0.1
    assert np.linalg.norm(question) == pytest.approx(1.0, abs=1e-5)
    assert embedder.fingerprint == "all-minilm-l6-v2:53aa51172d142c89"


@pytest.mark.real_model
def test_the_real_embedder_reads_exactly_its_limit():
    embedder = default_embedder()
    full = "word " * embedder.max_tokens
    assert embedder.count_tokens(full) == embedder.max_tokens
    assert embedder.count_tokens(full * 3) == embedder.max_tokens * 3
    within, beyond, shorter = embedder.embed([full, full + "battery", full[:-10]])
    assert within @ beyond == pytest.approx(1.0, abs=1e-5)
    assert within @ shorter < 0.99999


class Counting:
    """An embedder that counts its calls."""

    calls = 0

    def embed(self, texts):
        self.calls += 1
        return np.zeros((len(texts), 1), dtype=np.float32)


def test_the_default_embedder_is_loaded_for_those_who_use_it(monkeypatch):
    embedder = Counting()
    monkeypatch.setattr(embedding, "default_embedder", lambda: embedder)
    embedding.warm_up(Majority())
    embedding.warm_up(Nearest(embedder=HashingEmbedder(8)))
    assert embedder.calls == 0
    embedding.warm_up(Nearest())
    assert embedder.calls == 1


def test_without_its_files_nothing_is_loaded_and_nothing_raised(monkeypatch):
    asked = []

    def missing():
        asked.append("embedder")
        raise NotFetched("all-minilm-l6-v2")

    monkeypatch.setattr(embedding, "default_embedder", missing)
    embedding.warm_up(Nearest())
    assert asked == ["embedder"]


def test_whoever_asks_after_it_was_let_go_gets_a_new_one(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "model_folder", lambda name: tmp_path)
    embedding.let_go()
    first = default_embedder()
    assert default_embedder() is first
    embedding.let_go()
    assert default_embedder() is not first
    embedding.let_go()
