"""The retrieval benchmark on a small corpus with the hashing embedder."""

import json

import numpy as np
import pytest

from benchmarks.speed.checks import all_met
from benchmarks.speed.made_up import SHORTEST, VOCABULARY, PartlyReal, ZipfTexts, word
from benchmarks.speed.retrieval import agreement, main, measure_retrieval, peak_gb, resident_gb
from corpora.chunks import Chunk
from strategies.bm25 import LARGE
from strategies.embedding import HashingEmbedder
from strategies.retrieval import Bm25Retriever

EMBEDDER = HashingEmbedder(dimensions=32)


def test_words_are_all_different_and_frequent_ones_short():
    made = [word(rank) for rank in range(VOCABULARY)]
    assert len(set(made)) == VOCABULARY
    assert made[:3] == ["ba", "be", "bi"]
    lengths = [len(made[rank]) for rank in (0, 69, 70, 4969, 4970, VOCABULARY - 1)]
    assert lengths == [2, 2, 4, 4, 6, 6]


def test_texts_follow_zipf_and_the_seed():
    counts = np.unique(ZipfTexts().text(200_000).split(), return_counts=True)
    often = dict(zip(*counts, strict=True))
    assert often[word(0)] / often[word(9)] == pytest.approx(10, rel=0.1)
    chunks = list(ZipfTexts(seed=3).chunks(5))
    assert chunks == list(ZipfTexts(seed=3).chunks(5)) != list(ZipfTexts(seed=4).chunks(5))
    assert all(len(chunk.text.split()) >= SHORTEST for chunk in chunks)
    question = ZipfTexts().question(chunks[0]).split()
    assert len(question) == 10
    assert set(question) <= set(chunks[0].text.split())


def test_the_first_vectors_are_real_and_the_others_near_them():
    partly = PartlyReal(EMBEDDER, real=5)
    texts = [f"text number {n}" for n in range(12)]
    vectors = np.concatenate([partly.embed(texts[:3]), partly.embed(texts[3:])])
    real = EMBEDDER.embed(texts)[:5]
    assert vectors.dtype == np.float32
    assert vectors[:5] == pytest.approx(real)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(12))
    nearest = (vectors[5:] @ real.T).max(axis=1)
    assert ((nearest > 0.8) & (nearest < 0.9999)).all()
    assert partly.real_seconds > 0 < partly.made_up_seconds
    assert partly.fingerprint == EMBEDDER.fingerprint


def test_every_figure_is_there_and_both_libraries_agree():
    said = []
    checks = measure_retrieval(
        chunks=LARGE, embedder=EMBEDDER, real=100, questions=4, sizes=(50, 10**6), say=said.append
    )
    values = {check.name: check.value for check in checks}
    assert list(values) == [
        "chunk_texts_memory",
        *("rank_bm25_query_p50_at_50", "bm25s_query_p50_at_50", "same_ranking_at_50"),
        *("build_words_seconds", "build_embedding_seconds", "build_embedded_chunks"),
        *("build_made_up_vectors_seconds", "build_vectors_seconds"),
        *("save_seconds", "saved_size", "load_seconds", "memory_with_loaded_index"),
        *(
            f"{part}_query_p{p}"
            for part in ("hybrid", "words", "vectors", "embed")
            for p in (50, 95)
        ),
        "peak_memory",
    ]
    assert all(value >= 0 for value in values.values())
    assert values["build_embedded_chunks"] == 100
    assert values["saved_size"] > LARGE * 4 * 32 / 1e9
    assert all_met(checks)
    assert said[0].startswith("2,000 texts made up")


def test_the_command_writes_what_its_last_line_says(tmp_path, capsys):
    out = tmp_path / "figures.json"
    arguments = ["--chunks", "500", "--real", "50", "--out", str(out)]
    assert main(arguments, embedder=EMBEDDER) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed == json.loads(out.read_text())
    assert (printed["bench"], printed["environment"]["chunks"]) == ("retrieval", 500)
    assert "same_ranking_at_500" in [check["name"] for check in printed["checks"]]


def test_agreement_counts_the_questions_with_the_same_hits():
    all_chunks, fewer = [
        Bm25Retriever.build([Chunk("d", text, None) for text in texts], EMBEDDER)
        for texts in (["ba", "ba be"], ["ba", "be"])
    ]
    assert agreement(all_chunks, all_chunks, ["ba", "be", "bi"]) == 1.0
    assert agreement(all_chunks, fewer, ["ba", "bi"]) == 0.5


def test_memory_is_that_of_this_process():
    assert 0.01 < resident_gb() <= peak_gb() * 1.001 < 100
