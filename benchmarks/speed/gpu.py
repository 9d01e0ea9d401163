"""The engine on a GPU against plain transformers and PEFT on the same work, in turns.

One process for both sides, since loading and the first use of a GPU take longer than the work.
The peer's side: a forward pass of all labels of a prompt in a batch, `generate`, `Trainer`.
Nothing is warmed up: the first round holds the first use of everything, for both. Questions stand
below their own passage and the two after it, without a search.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from benchmarks.speed import ours, reference
from benchmarks.speed.checks import BenchCheck, stated
from benchmarks.speed.figures import Measured, ratio
from benchmarks.speed.pieces import OURS, PEER
from benchmarks.speed.sheet import Measurement, Sheet
from benchmarks.speed.workload import (
    JUDGED_ROWS,
    Intents,
    own_passages_prompts,
    read_intents,
    scoring_prompts,
    tuned_prompt,
)
from corpora.errors import InvalidInput
from strategies.models.base import Prompt
from strategies.models.local import LocalModel

Facts = dict[str, Any]
EXACT, ASKED_EXACTLY = "gpu_answers_float32", 25
PIECES = {
    "gpu_label_scoring": "150 rows × 10 labels, 10 shots; the peer: a prompt's labels in a batch",
    "gpu_answers": "100 questions, at most 32 tokens; the peer: generate in batches of 8",
    EXACT: "25 questions in float32, at most 32 tokens, for equal token ids",
    "gpu_latency": "one request of 20 new tokens, the median of 20 requests; the peer: generate",
    "gpu_lora": "training, r=16, 200 rows, 4 epochs; the peer: Trainer with PEFT",
    "gpu_ceiling": "matrix products of a prefill; those of what is recorded cannot be counted",
}


class Sides:
    """The work of both sides on one device; each method does a piece once."""

    def __init__(self, folder: Path, datasets: Path, device: str) -> None:
        self.folder, self.device = folder, device
        self.model = LocalModel(folder, name=folder.name, device=device)
        self.plain = reference.Plain(folder, self.model.network.dtype, device)
        self.datasets = datasets
        self.scored = read_intents(datasets)
        self.judged = read_intents(datasets, n_test=JUDGED_ROWS)
        self.questions = own_passages_prompts(datasets)

    def fresh(self) -> LocalModel:
        """The model with nothing kept from earlier work."""
        return self.model.variant(self.model.network, "fresh")

    def label_scoring(self, side: str, round: int) -> Facts:
        if side == OURS:
            return ours.score_labels(self.fresh(), self.scored)
        return score_labels(self.plain, self.scored)

    def answers(self, side: str, round: int) -> Facts:
        if side == OURS:
            return ours.reply_ids(self.fresh(), self.questions)
        return reply_ids(self.plain, self.questions)

    def answers_float32(self, side: str, round: int) -> Facts:
        questions, kind = self.questions[:ASKED_EXACTLY], torch.float32
        if side == OURS:
            model = LocalModel(self.folder, name="exact", device=self.device, dtype=kind)
            return ours.reply_ids(model, questions)
        return reply_ids(reference.Plain(self.folder, kind, self.device), questions)

    def latency(self, side: str, round: int) -> Facts:
        prompts = self.questions[: ours.REQUESTS + 1]
        if side == OURS:
            return ours.time_replies(self.fresh(), prompts)
        return reference.time_replies(self.plain, prompts)

    def lora(self, side: str, round: int) -> Facts:
        if side == OURS:
            return ours.tune(self.fresh(), self.datasets, seed=round)
        with tempfile.TemporaryDirectory() as name:
            seconds = train(self.plain, self.folder, self.judged, Path(name), seed=round)
            tuned = self.model.with_adapter(Path(name))
        return {"seconds": seconds, **ours.judge(tuned, self.judged)}

    def ceiling(self, side: str, round: int) -> Facts:
        prompts = self.questions[: ours.PREFILLED]
        found = ours.prefill_share(self.fresh(), prompts, device=self.device)
        return {f"{key}_prefill": value for key, value in found.items()} | {
            "seconds": found["seconds"]
        }


def check_device(device: str) -> str:
    """What the device calls itself. Raises InvalidInput where it is not there."""
    if device == "cpu":
        return device
    try:
        return str(torch.cuda.get_device_name(device))
    except (RuntimeError, ValueError, AssertionError) as error:
        fix = "Give cuda or cuda:N on a machine with such a GPU and a torch built for it."
        raise InvalidInput("--device", device, fix) from error


def reply_ids(plain: reference.Plain, prompts: Sequence[Prompt]) -> Facts:
    """Generation in batches of like length; `ids` are those of the replies."""
    texts = [plain.text(prompt) for prompt in prompts]
    began = time.perf_counter()
    ids = reference.generate(plain, texts, batch=reference.BATCH)
    return {"seconds": time.perf_counter() - began, "ids": ids}


def score_labels(plain: reference.Plain, intents: Intents) -> Facts:
    """The most likely label of each row, by the summed log-likelihood of its tokens."""
    began = time.perf_counter()
    found = []
    for prompt in scoring_prompts(intents):
        text = plain.text(prompt)
        head = plain.encode(text)
        tails = [plain.encode(text + label)[len(head) :] for label in intents.labels]
        found.append(reference.best(weigh_together(plain.network, head, tails)))
    return {"seconds": time.perf_counter() - began, "plain": found}


@torch.inference_mode()
def weigh_together(
    network: Any, head: Sequence[int], tails: Sequence[Sequence[int]]
) -> list[float]:
    """Log-likelihood of each tail: one forward pass, a row a tail, padded behind."""
    width = len(head) + max(len(tail) for tail in tails) - 1
    ids = torch.zeros(len(tails), width, dtype=torch.long)
    for row, tail in zip(ids, tails, strict=True):
        row[: len(head) + len(tail) - 1] = torch.tensor([*head, *tail[:-1]])
    logits = network(input_ids=ids.to(network.device)).logits[:, len(head) - 1 :]
    return [
        sum(reference.logs_of(row[: len(tail)], tail))
        for row, tail in zip(logits, tails, strict=True)
    ]


def train(plain: reference.Plain, folder: Path, intents: Intents, to: Path, *, seed: int) -> float:
    """`Trainer` with the settings of `ours.train`, on a copy of the weights; its seconds. The
    adapter goes `to` a folder."""
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForCausalLM,
        DataCollatorForSeq2Seq,
        Trainer,
        TrainingArguments,
    )

    network: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=plain.network.dtype, local_files_only=True
    )
    config = LoraConfig(
        r=ours.RANK, lora_alpha=ours.ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    torch.manual_seed(seed)
    tuned = get_peft_model(network, config)
    rows = []
    for row in intents.train:
        head = plain.encode(plain.text(tuned_prompt(row.text)))
        tail = [*plain.encode(row.label), plain.tokenizer.eos_token_id]
        rows.append({"input_ids": head + tail, "labels": [-100] * len(head) + tail})
    arguments = TrainingArguments(
        output_dir=str(to / "trainer"),
        num_train_epochs=ours.EPOCHS,
        per_device_train_batch_size=ours.BATCH,
        learning_rate=ours.RATE,
        bf16=plain.network.dtype == torch.bfloat16,
        use_cpu=plain.network.device.type == "cpu",
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        seed=seed,
    )
    collator = DataCollatorForSeq2Seq(plain.tokenizer, padding=True)
    trainer = Trainer(model=tuned, args=arguments, train_dataset=rows, data_collator=collator)
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    tuned.save_pretrained(str(to))
    return seconds


def measure_gpu(
    sides: Sides, *, rounds: int, sheet: Sheet, say: Callable[[str], None]
) -> list[Measurement]:
    """Do what the sheet lacks, round after round; returns all measurements."""
    for round in range(1, rounds + 1):
        for piece in PIECES:
            work = getattr(sides, piece.removeprefix("gpu_"))
            for side in (OURS,) if piece == "gpu_ceiling" else (PEER, OURS):
                if sheet.has(piece, side, round) or (piece == EXACT and round > 1):
                    continue
                facts: Facts = work(side, round)
                seconds = float(facts.pop("seconds"))
                sheet.add(Measurement(piece, side, round, seconds, facts))
                say(f"{piece}, {side}, round {round} of {rounds}: {seconds:.3f} s")
    return sheet.measurements


def gpu_checks(measurements: Sequence[Measurement]) -> list[BenchCheck]:
    """Ratios with their spread, equal answers, accuracies, shares of the ceiling; no targets."""
    measured = Measured(measurements)
    checks: list[BenchCheck] = []
    for piece in PIECES:
        if piece != EXACT:  # done once, for its ids
            checks += ratio(f"{piece}_ratio", measured.ratios(piece), None)
    for piece, fact in (
        ("gpu_label_scoring", "plain"),
        ("gpu_answers", "ids"),
        (EXACT, "ids"),
    ):
        shares = [
            mean(one == other for one, other in zip(mine, theirs, strict=True))
            for mine, theirs in zip(
                measured.facts(piece, OURS, fact), measured.facts(piece, PEER, fact), strict=False
            )
        ]
        if shares:
            checks.append(stated(f"{piece}_same", mean(shares), "share"))
    for side in (PEER, OURS):
        found: list[Mapping[str, float]] = measured.facts("gpu_lora", side, "quality")
        if found:
            checks.append(stated(f"gpu_lora_acc_{side}", mean(one["acc"] for one in found), ""))
    shares = measured.facts("gpu_ceiling", OURS, "share_prefill")
    if shares:
        checks.append(stated("gpu_ceiling_prefill", mean(shares), "share"))
    return checks
