"""Our side of the speed benchmark, a process a turn: `python -m benchmarks.speed.ours WORK`.

Prints one JSON line; what its `seconds` cover stands in `benchmarks.speed.pieces`. Runs on the
CPU, as the peers' scripts do, and computes what the product computes, with no cache of results.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.speed.growing import measure_growth, peak_of_program_gb
from benchmarks.speed.operations import product_flops, share_of_ceiling
from benchmarks.speed.workload import (
    JUDGED_ROWS,
    NEW_TOKENS,
    Intents,
    index_passages,
    question_prompts,
    read_intents,
    read_paragraphs,
    scoring_prompts,
    tuned_prompt,
)
from strategies.adapters import layers_of
from strategies.base import Training
from strategies.embedding import Embedder, default_embedder
from strategies.models.base import Choice, Prompt
from strategies.models.chat import ChatFormat
from strategies.models.local import LocalModel
from strategies.training import train_lora
from strategies.tuned import TrainingRow

REQUESTS, REPLY_TOKENS = 20, 20
PREFILLED = 40  # prompts of the ceiling's prefill
RANK, ALPHA, RATE, EPOCHS, BATCH = 16, 32, 5e-4, 4, 8
ANOTHER_SEED = 1000  # added to the seed of a second training
Facts = dict[str, Any]


def score_labels(model: LocalModel, intents: Intents) -> Facts:
    """`ended`: choices as the product makes them; `plain`: by the harness's likelihood, for which
    the end of turn is left out. Only the first, which computes more, is timed."""
    prompts = scoring_prompts(intents)
    began = time.perf_counter()
    timed = model.choose(prompts, intents.labels)
    seconds = time.perf_counter() - began
    model.chat = WithEnd(model.tokenizer)
    ended = model.choose(prompts, intents.labels)
    model.chat = WithoutEnd(model.tokenizer)
    plain = model.choose(prompts, intents.labels)
    right = [choice.best == row.label for choice, row in zip(timed, intents.test, strict=True)]
    return {
        "seconds": seconds,
        "quality": {"acc": sum(right) / len(right)},
        "ended": places(ended, intents.labels),
        "plain": places(plain, intents.labels),
        "in_tokens": sum(choice.usage.prompt for choice in timed),
        "computed_tokens": sum(choice.usage.prompt - choice.usage.cached for choice in timed),
    }


class WithEnd(ChatFormat):
    """Every choice with its end of turn."""

    def encode_choices(self, choices: Sequence[str]) -> list[list[int]]:
        return [self.encode_reply(choice) for choice in choices]


class WithoutEnd(ChatFormat):
    """No choice with its end of turn: what lm-evaluation-harness weighs."""

    def encode_choices(self, choices: Sequence[str]) -> list[list[int]]:
        return [self.encode_reply(choice)[:-1] for choice in choices]


def places(choices: Sequence[Choice], labels: Sequence[str]) -> list[int]:
    """The place of each best label; an error ends the benchmark."""
    wrong = [choice.error for choice in choices if choice.error is not None]
    if wrong:
        raise RuntimeError(f"a prompt was not answered: {wrong[0]}")
    return [labels.index(choice.best) for choice in choices]


def answer_questions(model: LocalModel, datasets: Path, embedder: Embedder) -> Facts:
    """Search and generation of all questions at once."""
    paragraphs = read_paragraphs(datasets)
    index = index_passages(paragraphs, embedder)
    began = time.perf_counter()
    prompts = question_prompts(paragraphs, index)
    searched = time.perf_counter() - began
    found = reply_ids(model, prompts)
    return {**found, "seconds": searched + found["seconds"], "search_seconds": searched}


def reply_ids(model: LocalModel, prompts: Sequence[Prompt]) -> Facts:
    """Generation of all replies at once; `ids` are theirs."""
    recorder = Recorder(model.tokenizer)
    model.tokenizer = recorder
    began = time.perf_counter()
    replies = model.generate(prompts, max_new_tokens=NEW_TOKENS)
    return {
        "seconds": time.perf_counter() - began,
        "in_tokens": sum(reply.usage.prompt for reply in replies),
        "out_tokens": sum(reply.usage.completion for reply in replies),
        "ids": [recorder.ids(reply.text, reply.usage.completion) for reply in replies],
    }


class Recorder:
    """A tokenizer that keeps the ids of what it decodes, which a model gives out as text only."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: dict[tuple[str, int], list[int]] = {}

    def decode(self, ids: Sequence[int], **how: Any) -> str:
        text: str = self._tokenizer.decode(ids, **how)
        key = text.strip(), len(ids)
        if self._ids.setdefault(key, list(ids)) != list(ids):
            raise RuntimeError(f"two replies of other ids are both written {text!r}")
        return text

    def ids(self, text: str, count: int) -> list[int]:
        return self._ids[text, count]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)


def tune(
    model: LocalModel, datasets: Path, *, seed: int, upper: int = 1, again: bool = False
) -> Facts:
    """Training timed; then the accuracy of the last epoch, by label likelihood.

    Adapters sit on the upper 1/`upper` of the layers, rounded down. `again`: a second training
    with another seed, which finds what the first has left with the model (`again_seconds`).
    """
    intents = read_intents(datasets, n_test=JUDGED_ROWS)
    layers = layers_of(model.network) // upper if upper > 1 else None
    with tempfile.TemporaryDirectory() as name:
        training, seconds = timed(model, intents, Path(name), seed, layers)
        tuned = model.with_adapter(Path(name))
        if again:
            _, again_seconds = timed(model, intents, Path(name), seed + ANOTHER_SEED, layers)
    return {
        "seconds": seconds,
        **judge(tuned, intents),
        "seed": seed,
        "layers": layers,
        "curve": [dict(row) for row in training.curve],
        **({"again_seconds": again_seconds} if again else {}),
    }


def judge(tuned: LocalModel, intents: Intents) -> Facts:
    """The accuracy of a tuned model on the test rows, by label likelihood."""
    prompts = [tuned_prompt(row.text) for row in intents.test]
    began = time.perf_counter()
    chosen = tuned.choose(prompts, intents.labels)
    scoring = time.perf_counter() - began
    found = places(chosen, intents.labels)
    right = [
        intents.labels[place] == row.label for place, row in zip(found, intents.test, strict=True)
    ]
    return {
        "quality": {"acc": sum(right) / len(right)},
        "eval_seconds": scoring,
        "eval_n": len(right),
    }


def timed(
    model: LocalModel, intents: Intents, folder: Path, seed: int, layers: int | None
) -> tuple[Training, float]:
    """All epochs, and the seconds they took."""
    began = time.perf_counter()
    training = train(model, intents, folder, epochs=EPOCHS, seed=seed, layers=layers)
    return training, time.perf_counter() - began


def train(
    model: LocalModel,
    intents: Intents,
    folder: Path,
    *,
    epochs: int,
    seed: int,
    layers: int | None = None,
) -> Training:
    """The peer's settings: rank, alpha, rate and batch; the last epoch is kept."""
    rows = [TrainingRow(tuned_prompt(row.text), row.label) for row in intents.train]
    return train_lora(
        model,
        rows,
        [],
        folder,
        rank=RANK,
        alpha=ALPHA,
        learning_rate=RATE,
        epochs=epochs,
        batch_rows=BATCH,
        seed=seed,
        layers=layers,
    )


def time_replies(model: LocalModel, prompts: Sequence[Prompt]) -> Facts:
    """Requests one at a time, after one that warms up; each reply has exactly 20 tokens."""
    model.stop = frozenset()
    taken = []
    for prompt in [prompts[-1], *prompts[:-1]]:
        began = time.perf_counter()
        (reply,) = model.generate([prompt], max_new_tokens=REPLY_TOKENS)
        taken.append(time.perf_counter() - began)
        if reply.usage.completion != REPLY_TOKENS:
            raise RuntimeError(f"a reply of {reply.usage.completion} tokens")
    return {"seconds": median(taken[1:]), "each": taken[1:]}


def prefill_share(
    model: LocalModel, prompts: Sequence[Prompt], *, device: str = "cpu"
) -> dict[str, float]:
    """The share of the matrix ceiling in a prefill, one token a prompt."""

    def prefill() -> None:
        model.forget_prefixes()
        model.generate(prompts, max_new_tokens=1)

    return share_of_ceiling(prefill, product=partial(product_flops, device=device))


def reach_ceiling(model: LocalModel, prompts: Sequence[Prompt], intents: Intents) -> Facts:
    """Shares of the matrix ceiling in a prefill and in an epoch of LoRA."""

    def epoch() -> None:
        with tempfile.TemporaryDirectory() as name:
            train(model, intents, Path(name), epochs=1, seed=0)

    found = {"prefill": prefill_share(model, prompts), "training": share_of_ceiling(epoch)}
    facts = {f"{key}_{part}": value for part, of in found.items() for key, value in of.items()}
    ceilings = [of["product_gflops"] for of in found.values()]
    seconds = sum(of["seconds"] for of in found.values())
    return {**facts, "seconds": seconds, "product_gflops": sum(ceilings) / len(ceilings)}


def asked(datasets: Path, embedder: Embedder, count: int) -> list[Prompt]:
    """The first prompts of the questions."""
    paragraphs = read_paragraphs(datasets)
    return question_prompts(paragraphs, index_passages(paragraphs, embedder))[:count]


def facts_of(work: str, given: argparse.Namespace) -> Facts:
    """Load, do the work, tell."""
    if work == "growth":
        with tempfile.TemporaryDirectory() as name:
            return measure_growth(given.rows, Path(name))
    dtype = torch.float32 if given.exact else None
    model = LocalModel(given.model, name=given.model.name, device="cpu", dtype=dtype)
    if work == "label_scoring":
        return score_labels(model, read_intents(given.datasets))
    if work == "lora":
        return tune(model, given.datasets, seed=given.seed, upper=given.upper, again=given.again)
    if work == "rag":
        return answer_questions(model, given.datasets, default_embedder())
    if work == "latency":
        return time_replies(model, asked(given.datasets, default_embedder(), REQUESTS + 1))
    prompts = asked(given.datasets, default_embedder(), PREFILLED)
    return reach_ceiling(model, prompts, read_intents(given.datasets))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.ours")
    parser.add_argument(
        "work", choices=("label_scoring", "rag", "lora", "latency", "ceiling", "growth")
    )
    parser.add_argument("--model", type=Path)
    parser.add_argument("--datasets", type=Path)
    parser.add_argument("--exact", action="store_true", help="in float32")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--upper", type=int, default=1, help="adapters on the upper 1/N")
    parser.add_argument("--again", action="store_true", help="train twice, the seed apart")
    parser.add_argument("--rows", type=int, default=100)
    given = parser.parse_args(arguments)
    facts = facts_of(given.work, given)
    facts.setdefault("peak_mb", 1000 * peak_of_program_gb())
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
