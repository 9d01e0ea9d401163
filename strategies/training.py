"""LoRA training of a local model: shared prefixes computed once, the loss on the answers only.

Rows of one step that share a prefix (the instruction) read it from one computation, whose
gradient is summed over them: the same gradient as that of separate rows. The base weights stay
in their own type; adapters compute in it too, while the optimiser keeps float32 masters of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from strategies.adapters import InTraining, MasterAdam, wrapped
from strategies.base import Progress, Training, no_progress
from strategies.errors import ModelError
from strategies.models.batching import halving
from strategies.models.heads import logits_of
from strategies.models.local import LocalModel
from strategies.recorded_gradients import flat_of, loss_of
from strategies.training_rows import Item, laid_out, packed_rows, padded_rows, tokens_of
from strategies.tuned import TrainingRow, write_prompts

BATCH_TOKENS = 2048
PACKED_TOKENS = 768
"""A micro-batch with no more tokens goes through the network as one row."""
ROW_TOKENS = 2048
WARM_UP = 0.1
KEPT_PROMPTS = 16


def train_lora(
    model: LocalModel,
    rows: Sequence[TrainingRow],
    validation: Sequence[TrainingRow],
    folder: Path,
    *,
    rank: int,
    alpha: int,
    learning_rate: float,
    epochs: int,
    batch_rows: int,
    seed: int,
    layers: int | None = None,
    evaluate: Callable[[LocalModel], float] | None = None,
    progress: Progress = no_progress,
) -> Training:
    """Train, keep the epoch that does best on validation, and write its adapter to `folder`.

    Adapters sit on the upper `layers` layers, None for all. On CPUs, for Llama and its kin, what
    the layers below them give out is computed once and stays with the model, for a training with
    another seed, rank or rate.
    `evaluate` scores the model in training (0 to 1) on the validation split; the best epoch has
    the highest score, then the lowest validation loss. Without validation rows the last epoch
    is kept. The prompts of the first rows go to `folder` too, as the loop below reads them.
    Rows too long are left out; raises ModelError where all are, where the model has fewer than
    `layers` layers, or where the loss is not finite.
    """
    items, held_out = learnable(model, rows), within(model, validation)
    write_prompts(folder, {one.example: read_back(one, model) for one in items[:KEPT_PROMPTS]})
    with wrapped(model, rank=rank, alpha=alpha, seed=seed, layers=layers) as (training, tuned):
        read_lower(training, [*items, *held_out], progress)
        optimiser = MasterAdam(training.weights, learning_rate)
        steps_an_epoch = math.ceil(len(items) / batch_rows)
        whole = epochs * steps_an_epoch
        curve: list[Mapping[str, float]] = []
        best: tuple[float, float] | None = None
        order = random.Random(seed)

        def rate(step: int) -> float:
            return learning_rate * schedule(step, whole)

        def told(step: int, loss: float) -> None:
            said = f"epoch {step // steps_an_epoch + 1} of {epochs}, loss {loss:.3f}"
            progress((step + 1) / whole, said)

        for epoch in range(1, epochs + 1):
            planned = steps(items, batch_rows, order)
            loss = learn(training, optimiser, planned, rate, told, (epoch - 1) * steps_an_epoch)
            row = {"epoch": float(epoch), "train_loss": loss}
            if held_out:
                row["validation_loss"] = mean_loss(training, held_out)
                tuned.forget_prefixes()
                row["validation_score"] = evaluate(tuned) if evaluate else 0.0
            curve.append(row)
            rank_of = (row.get("validation_score", 0.0), -row.get("validation_loss", -epoch))
            if best is None or rank_of > best:
                best, chosen = rank_of, epoch
                optimiser.save(training.network, folder)
    return Training(
        curve=tuple(curve),
        epochs=chosen,
        seeds=(seed,),
        search=tuple(
            {"epochs": row["epoch"], "validation_score": row["validation_score"]}
            for row in curve
            if "validation_score" in row
        ),
        tokens=epochs * sum(len(item) for item in items),
        left_out=len(rows) - len(items),
    )


def learn(
    training: InTraining,
    optimiser: MasterAdam,
    planned: Sequence[Sequence[Item]],
    rate: Callable[[int], float],
    told: Callable[[int, float], None],
    done: int = 0,
) -> float:
    """One pass over the planned steps; returns their mean loss.

    `rate` is the learning rate of a step by its number, which goes on from the `done` steps that
    were taken before; `told` hears the loss of each. Raises ModelError where the mean is not
    finite.
    """
    losses = []
    training.network.train()
    for number, step in enumerate(planned, start=done):
        optimiser.rate(rate(number))
        loss, gradient = accumulate(training, step)
        optimiser.step(gradient)
        losses.append(loss)
        told(number, loss)
    training.network.eval()
    mean = sum(losses) / len(losses)
    if not math.isfinite(mean):
        raise ModelError("lora: the training loss is not finite; lower learning_rate.")
    return mean


def learnable(model: LocalModel, rows: Sequence[TrainingRow]) -> list[Item]:
    """The rows that fit; raises ModelError where none does."""
    items = within(model, rows)
    if not items:
        limit = min(ROW_TOKENS, model.context_length)
        raise ModelError(f"lora: no training row fits into {limit} tokens; shorten the inputs.")
    return items


def within(model: LocalModel, rows: Sequence[TrainingRow]) -> list[Item]:
    """The rows that fit, as token ids."""
    return [item for row in rows if fits(item := encode_row(model, row), model)]


def read_lower(training: InTraining, items: Sequence[Item], progress: Progress) -> None:
    """Let what the layers without adapters give out for the items be computed once, and kept."""
    if training.layers is not None and training.frozen is not None:
        progress(0.0, "reading the rows with the layers that stay as they are")
        reads = [(item.prefix, item.read) for item in items]
        training.frozen.fill(training.layers.below, reads)


def encode_row(model: LocalModel, row: TrainingRow) -> Item:
    """A row as token ids: exactly the prompt that serving renders, then the reply."""
    encoded = model.encode(row.prompt)
    reply = tuple(model.chat.encode_reply(row.reply))
    return Item(encoded.prefix, encoded.own, reply, row.example)


def fits(item: Item, model: LocalModel) -> bool:
    """Whether a row fits the training budget and, with its prefix, the model's context."""
    return len(item) <= ROW_TOKENS and len(item.prefix) + len(item) <= model.context_length


def read_back(item: Item, model: LocalModel) -> str:
    """The text before the reply that the token ids of a row spell."""
    text: str = model.tokenizer.decode([*item.prefix, *item.own])
    return text


def schedule(step: int, total: int) -> float:
    """Linear warm-up over a tenth of the steps, then linear decay to zero."""
    warm = max(1, int(total * WARM_UP))
    return min((step + 1) / warm, (total - step) / max(1, total - warm), 1.0)


def steps(items: Sequence[Item], batch_rows: int, order: random.Random) -> list[list[Item]]:
    """One epoch: optimiser steps of `batch_rows` rows.

    Rows are shuffled, then bucketed by length over eight steps at a time, so that little is
    padded and the order of steps stays random.
    """
    shuffled = list(items)
    order.shuffle(shuffled)
    result = []
    for start in range(0, len(shuffled), batch_rows * 8):
        window = sorted(shuffled[start : start + batch_rows * 8], key=len)
        for first in range(0, len(window), batch_rows):
            result.append(window[first : first + batch_rows])
    order.shuffle(result)
    return result


def micro_batches(items: Sequence[Item], *, packed: bool = False) -> list[list[Item]]:
    """Rows of one prefix and of like length together, within the token budget where rows allow:
    that of padded rows, or that of `packed` ones, which holds their prefix too and grows with it,
    so that a long one is not read anew for every row."""
    result: list[list[Item]] = []
    for item in sorted(items, key=lambda item: (item.prefix, len(item))):
        last = result[-1] if result else []
        size = tokens_of([*last, item]) if packed else (len(last) + 1) * len(item)
        most = max(PACKED_TOKENS, 2 * len(item.prefix)) if packed else BATCH_TOKENS
        if last and last[0].prefix == item.prefix and size <= most:
            last.append(item)
        else:
            result.append([item])
    return result


def computed_together(training: InTraining, step: Sequence[Item]) -> list[list[Item]]:
    """The rows of an optimiser step in the micro-batches that its gradient is summed over."""
    recordable = training.recorder is not None and training.recorder.able
    short = 2 * max(len(item.prefix) for item in step) <= PACKED_TOKENS
    packed = training.frozen is not None or (recordable and short)
    return micro_batches(step, packed=packed)


def accumulate(training: InTraining, step: Sequence[Item]) -> tuple[float, torch.Tensor]:
    """The mean loss a reply token of one optimiser step, and its gradient for all weights, behind
    each other, in float32.

    Raises ModelError where a single row does not fit into memory.
    """
    total = sum(len(item.reply) for item in step)
    weights = list(training.weights.values())

    def gradient_of(batch: Sequence[Item]) -> tuple[float, torch.Tensor]:
        if training.recorder is not None and tokens_of(batch) <= PACKED_TOKENS:
            found = training.recorder.gradient(laid_out(batch), 1 / total)
            if found is not None:
                return found
        part = batch_loss(training, batch) / total
        return float(part.detach()), flat_of(torch.autograd.grad(part, weights))

    loss, gradient = 0.0, None
    for _, done in halving(computed_together(training, step), gradient_of):
        if done is None:
            raise ModelError("lora: a training row does not fit into memory; shorten the inputs.")
        loss += done[0]
        gradient = done[1] if gradient is None else gradient.add_(done[1])
    assert gradient is not None, "a step has rows"
    return loss, gradient


@torch.inference_mode()
def mean_loss(training: InTraining, items: Sequence[Item]) -> float:
    """Cross-entropy a reply token, over all items."""
    total = sum(len(item.reply) for item in items)
    batches = micro_batches(items, packed=training.frozen is not None)
    return sum(float(batch_loss(training, batch)) for batch in batches) / total


def batch_loss(training: InTraining, batch: Sequence[Item]) -> torch.Tensor:
    """Summed cross-entropy of the replies in one micro-batch; a scalar, float32.

    The prefix goes through the network once, with its gradient, and serves every row. Rows whose
    lower layers are frozen are always packed: only so do they begin at the states that are kept.
    """
    packed = training.frozen is not None or tokens_of(batch) <= PACKED_TOKENS
    hidden, targets = (packed_rows if packed else padded_rows)(training, batch)
    logits = logits_of(training.network, hidden)
    return loss_of(logits, torch.tensor(targets, device=logits.device))
