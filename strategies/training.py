"""LoRA training of a local model: shared prefixes computed once, the loss on the answers only.

Rows of one step that share a prefix (the instruction) read it from one computation, whose
gradient is summed over them: the same gradient as that of separate rows. The base weights stay
in their own type; adapters compute in it too, while the optimiser keeps float32 masters of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import DynamicCache

from strategies.adapters import InTraining, MasterAdam, wrapped
from strategies.base import Progress, Training, no_progress
from strategies.errors import ModelError
from strategies.models.base import Prompt
from strategies.models.batching import halving
from strategies.models.decoding import filled_cache, key_values_of
from strategies.models.heads import logits_of
from strategies.models.layout import causal_mask, left_padded
from strategies.models.local import LocalModel
from strategies.tuned import write_prompts

BATCH_TOKENS = 2048
PACKED_TOKENS = 768
"""A micro-batch with no more tokens goes through the network as one row."""
ROW_TOKENS = 2048
WARM_UP = 0.1
KEPT_PROMPTS = 16


@dataclass(frozen=True)
class TrainingRow:
    """A prompt and the reply to be learned; `example` is the id of the row it comes from."""

    prompt: Prompt
    reply: str
    example: str = ""


@dataclass(frozen=True)
class Item:
    """Token ids of a row: the prefix it shares with others, its own prompt, its reply."""

    prefix: tuple[int, ...]
    own: tuple[int, ...]
    reply: tuple[int, ...]
    example: str = ""

    def __len__(self) -> int:
        return len(self.own) + len(self.reply)


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
    evaluate: Callable[[LocalModel], float] | None = None,
    progress: Progress = no_progress,
) -> Training:
    """Train, keep the epoch that does best on validation, and write its adapter to `folder`.

    `evaluate` scores the model in training (0 to 1) on the validation split; the best epoch has
    the highest score, then the lowest validation loss. Without validation rows the last epoch
    is kept. The prompts of the first rows go to `folder` too, as the loop below reads them.
    Rows too long are left out; raises ModelError where all are, or the loss is not finite.
    """
    limit = min(ROW_TOKENS, model.context_length)
    items = [item for row in rows if fits(item := encode_row(model, row), model)]
    held_out = [item for row in validation if fits(item := encode_row(model, row), model)]
    if not items:
        raise ModelError(f"lora: no training row fits into {limit} tokens; shorten the inputs.")
    write_prompts(folder, {one.example: read_back(one, model) for one in items[:KEPT_PROMPTS]})
    with wrapped(model, rank=rank, alpha=alpha, seed=seed) as (training, tuned):
        optimiser = MasterAdam(training.weights, learning_rate)
        steps_an_epoch = math.ceil(len(items) / batch_rows)
        curve: list[Mapping[str, float]] = []
        best: tuple[float, float] | None = None
        order = random.Random(seed)
        for epoch in range(1, epochs + 1):
            losses = []
            training.network.train()
            for number, step in enumerate(steps(items, batch_rows, order)):
                done = (epoch - 1) * steps_an_epoch + number
                optimiser.rate(learning_rate * schedule(done, epochs * steps_an_epoch))
                losses.append(accumulate(training, step))
                optimiser.step()
                share = (done + 1) / (epochs * steps_an_epoch)
                progress(share, f"epoch {epoch} of {epochs}, loss {losses[-1]:.3f}")
            training.network.eval()
            row = {"epoch": float(epoch), "train_loss": sum(losses) / len(losses)}
            if not math.isfinite(row["train_loss"]):
                raise ModelError("lora: the training loss is not finite; lower learning_rate.")
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


def micro_batches(items: Sequence[Item]) -> list[list[Item]]:
    """Rows of one prefix and of like length together, within the token budget where rows allow."""
    result: list[list[Item]] = []
    for item in sorted(items, key=lambda item: (item.prefix, len(item))):
        last = result[-1] if result else []
        if last and last[0].prefix == item.prefix and (len(last) + 1) * len(item) <= BATCH_TOKENS:
            last.append(item)
        else:
            result.append([item])
    return result


def accumulate(training: InTraining, step: Sequence[Item]) -> float:
    """Gradients of one optimiser step; returns the mean loss a reply token.

    Raises ModelError where a single row does not fit into memory.
    """
    total = sum(len(item.reply) for item in step)
    weights = list(training.weights.values())

    def gradients_of(batch: Sequence[Item]) -> tuple[float, Sequence[torch.Tensor]]:
        part = batch_loss(training, batch) / total
        return float(part.detach()), torch.autograd.grad(part, weights)

    loss = 0.0
    for _, done in halving(micro_batches(step), gradients_of):
        if done is None:
            raise ModelError("lora: a training row does not fit into memory; shorten the inputs.")
        loss += done[0]
        for weight, gradient in zip(weights, done[1], strict=True):
            weight.grad = gradient if weight.grad is None else weight.grad.add_(gradient)
    return loss


@torch.inference_mode()
def mean_loss(training: InTraining, items: Sequence[Item]) -> float:
    """Cross-entropy a reply token, over all items."""
    total = sum(len(item.reply) for item in items)
    return sum(float(batch_loss(training, batch)) for batch in micro_batches(items)) / total


def batch_loss(training: InTraining, batch: Sequence[Item]) -> torch.Tensor:
    """Summed cross-entropy of the replies in one micro-batch; a scalar, float32.

    The prefix goes through the network once, with its gradient, and serves every row.
    """
    tokens = len(batch[0].prefix) + sum(len(item) for item in batch)
    read = packed_rows if tokens <= PACKED_TOKENS else padded_rows
    hidden = read(training, batch)
    logits = logits_of(training.network, hidden)
    target = torch.tensor([token for item in batch for token in item.reply], device=logits.device)
    return torch.nn.functional.cross_entropy(logits.float(), target, reduction="sum")


def packed_rows(training: InTraining, batch: Sequence[Item]) -> torch.Tensor:
    """The states that predict the tokens of all replies, in order: tokens × width.

    One row, in which the items follow their prefix, blind to each other: half as many
    operations as a pass over the prefix and one over the items, which for short items take
    longer than the scores of items for each other, computed for nothing.
    """
    network, prefix = training.network, batch[0].prefix
    device = network.device
    ids, owner, positions = [*prefix], [-1] * len(prefix), [*range(len(prefix))]
    wanted: list[int] = []
    for number, item in enumerate(batch):
        read = read_of(item)
        ids += read
        owner += [number] * len(read)
        positions += range(len(prefix), len(prefix) + len(read))
        wanted += range(len(ids) - len(item.reply), len(ids))
    own = torch.tensor(owner)
    seen = ((own[None] == own[:, None]) | (own[None] < 0)).tril().to(device)
    tokens, places, predicting = (
        torch.tensor(each, device=device) for each in (ids, positions, wanted)
    )
    if training.layers is not None:
        return training.layers.states(tokens, seen, places, predicting)
    hidden: torch.Tensor = network.get_decoder()(
        input_ids=tokens[None],
        attention_mask=seen[None, None],
        position_ids=places[None],
        use_cache=False,
    ).last_hidden_state
    return hidden[0, predicting]


def padded_rows(training: InTraining, batch: Sequence[Item]) -> torch.Tensor:
    """As `packed_rows`: the prefix in a pass of its own, then the items as rows of equal width."""
    network = training.network
    device, decoder = network.device, network.get_decoder()
    prefix = batch[0].prefix
    cache = DynamicCache()
    if prefix:
        ids = torch.tensor([prefix], device=device)
        decoder(input_ids=ids, cache=cache, use_cache=True)
    ids, mask, positions = left_padded([read_of(item) for item in batch], 0)
    hidden = decoder(
        input_ids=ids.to(device),
        attention_mask=causal_mask(len(prefix), mask).to(device),
        position_ids=(positions + len(prefix)).to(device),
        cache=filled_cache(key_values_of(cache), len(batch)) if prefix else None,
        use_cache=bool(prefix),
    ).last_hidden_state
    return torch.cat([row[-len(item.reply) :] for row, item in zip(hidden, batch, strict=True)])


def read_of(item: Item) -> list[int]:
    """The tokens behind the prefix that are read: the last of a reply is only predicted."""
    return [*item.own, *item.reply][:-1]
