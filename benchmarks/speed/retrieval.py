"""Retrieval at scale: what an index of N chunks takes to build and to hold, and its queries.

    python -m benchmarks.speed.retrieval --chunks 1000000 --out FILE

Texts are made up, and all but the first 10,000 vectors too; everything else is what a strategy
runs. The index is saved, dropped, loaded and then asked one question at a time. Its peak memory
is that of the process, which must do nothing else: torch and the texts are part of it.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np

from benchmarks.environment import read_environment
from benchmarks.speed.checks import BenchCheck, all_met, at_least, last_line, stated
from benchmarks.speed.made_up import PartlyReal, ZipfTexts
from corpora.chunks import Chunk
from strategies.bm25 import Bm25sScorer, RankBm25Scorer, WordRows
from strategies.embedding import Embedder, default_embedder
from strategies.retrieval import (
    Bm25Retriever,
    DenseRetriever,
    HybridRetriever,
    searchable,
    words,
)

TOP = 3  # passages of a prompt
WARM_UP = 5  # questions whose time does not count
SIZES = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
"""At which both BM25 libraries are compared; rank-bm25 grows linearly from there."""
DEEP = HybridRetriever.DEPTH  # hits that must agree
FEW = 20  # questions a size and library

Say = Callable[[str], None]
T = TypeVar("T")


def silent(line: str) -> None:
    """For callers who watch nothing."""


def measure_retrieval(
    *,
    chunks: int,
    embedder: Embedder,
    real: int = 10_000,
    questions: int = 200,
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
    say: Say = silent,
) -> list[BenchCheck]:
    """All figures of an index of `chunks` chunks, `real` of them truly embedded. GB are 10^9."""
    embedder.embed(["loads the network"])
    texts = ZipfTexts(seed=seed)
    base = resident_gb()
    seconds, corpus = timed(lambda: tuple(texts.chunks(chunks)))
    checks = [stated("chunk_texts_memory", resident_gb() - base, "GB")]
    say(f"{chunks:,} texts made up in {seconds:.0f} s")
    drawn = np.random.default_rng(seed).integers(0, chunks, WARM_UP + questions)
    asked = [texts.question(corpus[place]) for place in drawn]
    for size in (size for size in sizes if size <= chunks):
        checks += compare_libraries(corpus[:size], asked[:FEW], say=say)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checks += build_parts(corpus, embedder, folder, real=real, seed=seed, say=say)
        gc.collect()
        seconds, (sparse, dense) = timed(lambda: load_parts(corpus, embedder, folder))
    checks.append(stated("load_seconds", seconds, "s"))
    checks.append(stated("memory_with_loaded_index", resident_gb(), "GB"))
    checks += time_questions(sparse, dense, embedder, asked, say=say)
    return [*checks, stated("peak_memory", peak_gb(), "GB")]


def build_parts(
    corpus: Sequence[Chunk], embedder: Embedder, folder: Path, *, real: int, seed: int, say: Say
) -> list[BenchCheck]:
    """Seconds of each part of building and saving; what was built is on disk only, after it."""
    partly = PartlyReal(embedder, real=real, seed=seed)
    by_words, sparse = timed(lambda: Bm25Retriever.build(corpus, partly))
    say(f"words counted and indexed in {by_words:.0f} s")
    by_vectors, dense = timed(lambda: DenseRetriever.build(corpus, partly))
    embedding = partly.real_seconds + partly.made_up_seconds
    say(f"vectors indexed in {by_vectors:.0f} s, {partly.real_seconds:.0f} s of it embedding")
    saving, _ = timed(lambda: [part.save(folder) for part in (sparse, dense)])
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return [
        stated("build_words_seconds", by_words, "s"),
        stated("build_embedding_seconds", partly.real_seconds, "s"),
        stated("build_embedded_chunks", min(real, len(corpus)), "chunks"),
        stated("build_made_up_vectors_seconds", partly.made_up_seconds, "s"),
        stated("build_vectors_seconds", by_vectors - embedding, "s"),
        stated("save_seconds", saving, "s"),
        stated("saved_size", written / 1e9, "GB"),
    ]


def load_parts(
    corpus: Sequence[Chunk], embedder: Embedder, folder: Path
) -> tuple[Bm25Retriever, DenseRetriever]:
    sparse = Bm25Retriever.load(folder, corpus, embedder)
    return sparse, DenseRetriever.load(folder, corpus, embedder)


def time_questions(
    sparse: Bm25Retriever,
    dense: DenseRetriever,
    embedder: Embedder,
    questions: Sequence[str],
    *,
    say: Say = silent,
) -> list[BenchCheck]:
    """Percentiles of one question at a time: the hybrid search, and its parts alone."""
    hybrid = HybridRetriever(sparse, dense)
    ways: dict[str, Callable[[str], object]] = {
        "hybrid": lambda question: hybrid.search([question], TOP),
        "words": lambda question: sparse.search([question], DEEP),
        "vectors": lambda question: dense.search([question], DEEP),
        "embed": lambda question: embedder.embed([question]),
    }
    checks = []
    for name, way in ways.items():
        milliseconds = each_ms(way, questions)
        for percent in (50, 95):
            value = float(np.percentile(milliseconds, percent))
            checks.append(stated(f"{name}_query_p{percent}", value, "ms"))
        say(f"{name}: p95 {value:.1f} ms a question")
    return checks


def compare_libraries(
    corpus: Sequence[Chunk], questions: Sequence[str], *, say: Say = silent
) -> list[BenchCheck]:
    """Both BM25 libraries on the same chunks: milliseconds, and whether all rankings agree."""
    rows = WordRows()
    for chunk in corpus:
        rows.add(words(searchable(chunk)))
    slow = Bm25Retriever(RankBm25Scorer(rows))
    fast = Bm25Retriever(Bm25sScorer.build(rows))
    by_slow = median(each_ms(lambda question: slow.search([question], DEEP), questions))
    by_fast = median(each_ms(lambda question: fast.search([question], DEEP), questions))
    size = len(corpus)
    say(f"{size:,} chunks: rank-bm25 {by_slow:.2f} ms, bm25s {by_fast:.2f} ms a question")
    return [
        stated(f"rank_bm25_query_p50_at_{size}", by_slow, "ms"),
        stated(f"bm25s_query_p50_at_{size}", by_fast, "ms"),
        at_least(f"same_ranking_at_{size}", agreement(slow, fast, questions), "share", 1.0),
    ]


def agreement(one: Bm25Retriever, other: Bm25Retriever, questions: Sequence[str]) -> float:
    """Share of the questions for which both find the same chunks in the same order."""
    places = [
        [[hit.chunk for hit in hits] for hits in retriever.search(questions, DEEP)]
        for retriever in (one, other)
    ]
    return float(np.mean([a == b for a, b in zip(*places, strict=True)]))


def each_ms(work: Callable[[str], object], questions: Sequence[str]) -> list[float]:
    """Milliseconds of each question alone, the first few left out."""
    taken = []
    for question in questions:
        start = time.perf_counter()
        work(question)
        taken.append(1000 * (time.perf_counter() - start))
    return taken[WARM_UP:]


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what the work gave."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def peak_gb() -> float:
    """The most this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def resident_gb() -> float:
    """What this process holds now; the peak so far where the system does not tell."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return peak_gb()
    return int(status.read_text().split()[1]) * resource.getpagesize() / 1e9


def main(arguments: Sequence[str] | None = None, *, embedder: Embedder | None = None) -> int:
    """Exit code 1 where both libraries ranked anything differently.

    The default embedder unless one is given.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.retrieval")
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--real", type=int, default=10_000, help="chunks truly embedded")
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    given = parser.parse_args(arguments)
    checks = measure_retrieval(
        chunks=given.chunks, embedder=embedder or default_embedder(), real=given.real, say=tell
    )
    line = last_line(
        "retrieval", read_environment().model_dump() | {"chunks": given.chunks}, checks
    )
    for check in checks:
        tell(f"{check.name:36} {check.value:12.3f} {check.unit}")
    if given.out:
        given.out.write_text(json.dumps(json.loads(line), indent=1) + "\n", encoding="utf-8")
    print(line)
    return 0 if all_met(checks) else 1


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
