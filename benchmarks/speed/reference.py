"""Plain transformers on the same prompts: `python -m benchmarks.speed.reference WORK`.

Nothing here runs a line of our engine: one forward pass a prompt and label, one `generate` a
prompt, in the type our side computes in. It is what choices and token ids are held against, and
the peer of the latency. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.speed.ours import REPLY_TOKENS, REQUESTS, asked
from benchmarks.speed.workload import (
    NEW_TOKENS,
    QUESTIONS,
    Intents,
    read_intents,
    scoring_prompts,
)
from strategies.embedding import default_embedder
from strategies.models.base import Prompt
from strategies.models.local import computes_bfloat16

BATCH = 8
LLAMA = Path(__file__).with_name("llama_latency.py")
Facts = dict[str, Any]


class Plain:
    """A network and its tokenizer, as their library gives them."""

    def __init__(self, folder: Path, dtype: torch.dtype, device: str = "cpu") -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, padding_side="left", local_files_only=True
        )
        network: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True
        )
        self.network = network.to(device).eval()

    def text(self, prompt: Prompt) -> str:
        turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
        text: str = self.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        return text

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    @property
    def stops(self) -> set[int]:
        ends = self.network.generation_config.eos_token_id
        return {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}


def score_labels(plain: Plain, intents: Intents, *, exact: bool) -> Facts:
    """The most likely label of each row, as places: `plain` by the summed log-likelihood of the
    label's tokens, as lm-evaluation-harness has it for multiple choice; `ended` with the end of
    turn behind them. `exact` computes each prompt once for its labels, for float32.
    """
    end = plain.tokenizer.eos_token_id
    began = time.perf_counter()
    found = []
    for prompt in scoring_prompts(intents):
        text = plain.text(prompt)
        head = plain.encode(text)
        whole = [plain.encode(text + label) for label in intents.labels]
        if any(ids[: len(head)] != head for ids in whole):
            raise RuntimeError("a label joins the last token of its prompt")
        tails = [ids[len(head) :] for ids in whole]
        weigh = weigh_shared if exact else weigh_each
        found.append(weigh(plain.network, head, [[*tail, end] for tail in tails]))
    seconds = time.perf_counter() - began
    ended = [best([sum(logs) for logs in row]) for row in found]
    bare = [best([sum(logs[:-1]) for logs in row]) for row in found]
    right = [
        intents.labels[place] == row.label for place, row in zip(bare, intents.test, strict=True)
    ]
    quality = {"acc": sum(right) / len(right)}
    return {"seconds": seconds, "quality": quality, "plain": bare, "ended": ended}


def best(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=lambda place: scores[place])


@torch.inference_mode()
def weigh_each(
    network: Any, head: Sequence[int], tails: Sequence[Sequence[int]]
) -> list[list[float]]:
    """Log-likelihood of each token of each tail: one forward pass a tail, nothing shared."""
    found = []
    for tail in tails:
        logits = network(input_ids=torch.tensor([[*head, *tail[:-1]]])).logits
        found.append(logs_of(logits[0, len(head) - 1 :], tail))
    return found


@torch.inference_mode()
def weigh_shared(
    network: Any, head: Sequence[int], tails: Sequence[Sequence[int]]
) -> list[list[float]]:
    """The same with the keys and values of the head computed once."""
    first = network(input_ids=torch.tensor([head]), use_cache=True)
    found = []
    for tail in tails:
        logits = first.logits[0, -1:]
        if len(tail) > 1:
            past = copy.deepcopy(first.cache)
            rest = network(input_ids=torch.tensor([tail[:-1]]), cache=past)
            logits = torch.cat([logits, rest.logits[0]])
        found.append(logs_of(logits, tail))
    return found


def logs_of(logits: torch.Tensor, tail: Sequence[int]) -> list[float]:
    logs = logits.float().log_softmax(dim=-1)
    values: list[float] = logs[torch.arange(len(tail)), torch.tensor(tail)].tolist()
    return values


def answer_questions(plain: Plain, prompts: Sequence[Prompt], *, exact: bool) -> Facts:
    """Greedy ids up to the end of turn: one prompt at a time, and, but for `exact`, in batches of
    like length."""
    texts = [plain.text(prompt) for prompt in prompts]
    began = time.perf_counter()
    alone = generate(plain, texts, batch=1)
    seconds = time.perf_counter() - began
    found: Facts = {"seconds": seconds, "ids": alone}
    return found if exact else {**found, "batched_ids": generate(plain, texts, batch=BATCH)}


@torch.inference_mode()
def generate(plain: Plain, texts: Sequence[str], *, batch: int) -> list[list[int]]:
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    found: list[list[int]] = [[] for _ in texts]
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        read = plain.tokenizer(
            [texts[place] for place in part],
            return_tensors="pt",
            padding=True,
            add_special_tokens=False,
        ).to(plain.network.device)
        out = plain.network.generate(**read, max_new_tokens=NEW_TOKENS, do_sample=False)
        for place, row in zip(part, out[:, read["input_ids"].shape[1] :].tolist(), strict=True):
            found[place] = until(row, plain.stops)
    return found


def until(ids: Sequence[int], stops: set[int]) -> list[int]:
    """What stands before the first stop."""
    ends = [place for place, token in enumerate(ids) if token in stops]
    return list(ids[: ends[0]] if ends else ids)


@torch.inference_mode()
def time_replies(plain: Plain, prompts: Sequence[Prompt]) -> Facts:
    """`generate` of one prompt at a time, 20 tokens whatever they are, after a warm-up."""
    texts = [plain.text(prompt) for prompt in [prompts[-1], *prompts[:-1]]]
    taken = []
    for text in texts:
        began = time.perf_counter()
        read = plain.tokenizer(text, return_tensors="pt", add_special_tokens=False)
        read = read.to(plain.network.device)
        out = plain.network.generate(
            **read,
            min_new_tokens=REPLY_TOKENS,
            max_new_tokens=REPLY_TOKENS,
            do_sample=False,
        )
        plain.tokenizer.decode(out[0, read["input_ids"].shape[1] :])
        taken.append(time.perf_counter() - began)
    return {"seconds": median(taken[1:]), "each": taken[1:]}


def time_llama(plain: Plain, prompts: Sequence[Prompt], python: Path, gguf: Path) -> Facts:
    """The same requests by llama.cpp's binding, in the Python that has it."""
    texts = [plain.text(prompt) for prompt in [prompts[-1], *prompts[:-1]]]
    asked_for = {"gguf": str(gguf), "tokens": REPLY_TOKENS, "prompts": texts}
    ended = subprocess.run(
        [str(python), str(LLAMA)],
        input=json.dumps(asked_for),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    taken = json.loads(ended.stdout.splitlines()[-1])["each"]
    return {"seconds": median(taken[1:]), "each": taken[1:]}


def facts_of(work: str, given: argparse.Namespace) -> Facts:
    low = computes_bfloat16("cpu") and not given.exact
    plain = Plain(given.model, torch.bfloat16 if low else torch.float32)
    if work == "label_scoring":
        return score_labels(plain, read_intents(given.datasets), exact=given.exact)
    if work == "rag":
        prompts = asked(given.datasets, default_embedder(), QUESTIONS)
        return answer_questions(plain, prompts, exact=given.exact)
    prompts = asked(given.datasets, default_embedder(), REQUESTS + 1)
    if work == "latency":
        return time_replies(plain, prompts)
    return time_llama(plain, prompts, given.peers_python, given.gguf)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.reference")
    parser.add_argument("work", choices=("label_scoring", "rag", "latency", "latency_llama_cpp"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--datasets", type=Path, required=True)
    parser.add_argument("--exact", action="store_true", help="in float32")
    parser.add_argument("--peers-python", type=Path)
    parser.add_argument("--gguf", type=Path)
    given = parser.parse_args(arguments)
    print(json.dumps(facts_of(given.work, given)), flush=True)


if __name__ == "__main__":
    main()
