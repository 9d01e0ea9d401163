"""Which of many labels is the likeliest, without weighing those that cannot be.

A label's first token is at least as likely as the whole label. One pass over a prompt tells the
first tokens of all labels, and the labels are weighed in that order until none that is left could
be above the best: an exact search by bounds (Land and Doig 1960, "An Automatic Method of Solving
Discrete Programming Problems").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from transformers import DynamicCache

from strategies.models.batching import halving
from strategies.models.decoding import key_values_of
from strategies.models.given import TOKENS, batched, laid_out
from strategies.models.layout import Branches, Encoded, branches
from strategies.models.slots import KeyValues

if TYPE_CHECKING:
    from strategies.models.local import LocalModel

TOGETHER = 16
"""Labels that are weighed at a time behind one prompt."""


@dataclass
class Weighing:
    """One prompt: log-likelihoods by a label's number. Those not in `totals` are below the best
    there; `tokens` of labels were read."""

    bounds: list[float]
    totals: dict[int, float] = field(default_factory=dict)
    tokens: int = 0

    def next(self, right: int | None) -> list[int]:
        """The labels to weigh next, most likely ones first; none when the best is known, and the
        one that is asked for. Where there are few, all of them."""
        left = [label for label in range(len(self.bounds)) if label not in self.totals]
        best = max(self.totals.values(), default=-torch.inf)
        if len(self.bounds) <= TOGETHER:
            return left
        possible = sorted(
            (label for label in left if label == right or self.bounds[label] > best),
            key=lambda label: (label != right, -self.bounds[label]),
        )
        return possible[:TOGETHER]


def likeliest(
    model: LocalModel,
    asked: Sequence[Encoded],
    continuations: Sequence[Sequence[int]],
    right: Sequence[int | None],
) -> Iterator[tuple[int, Weighing | None]]:
    """For each place what was weighed behind its prompt: the likeliest continuation, the one that
    is `right` for it, and others; all of them where there are few. None where memory does not
    hold the row."""
    longest = max(map(len, continuations))
    extra = min(sum(map(len, continuations)), TOGETHER * longest)

    @torch.inference_mode()
    def weighed(places: Sequence[int]) -> list[Weighing]:
        rows = [asked[place] for place in places]
        laid = laid_out(model, rows)
        hidden = model.decoder.states(*laid.read, laid.cache, last=1)[:, 0]
        first = torch.tensor([continuation[0] for continuation in continuations])
        bounds = model.head(hidden).log_softmax(dim=-1)[:, first.to(hidden.device)].tolist()
        found = [Weighing(line) for line in bounds]
        for one in found:
            one.totals |= {
                label: one.bounds[label]
                for label, continuation in enumerate(continuations)
                if len(continuation) == 1
            }
        before = key_values_of(laid.cache)
        while True:
            chosen = {
                row: labels
                for row, one in enumerate(found)
                if (labels := one.next(right[places[row]]))
            }
            if not chosen:
                return found
            weigh_more(model, rows, before, found, chosen, continuations)

    for places, results in halving(batched(model, asked, extra), weighed):
        for number, place in enumerate(places):
            yield place, None if results is None else results[number]


def weigh_more(
    model: LocalModel,
    rows: Sequence[Encoded],
    before: KeyValues,
    found: Sequence[Weighing],
    chosen: dict[int, list[int]],
    continuations: Sequence[Sequence[int]],
) -> None:
    """Add the totals of the chosen labels to their rows' weighings, in one pass.

    `before` are the keys and values of all rows, prefix included; the labels of a row stand side
    by side behind it, blind to each other.
    """
    laid = [branches([continuations[label] for label in labels]) for labels in chosen.values()]
    places = list(chosen)
    cache = DynamicCache()
    for number, (keys, values) in enumerate(before):
        cache.update(keys[places], values[places], number)
    device = model.decoder.device
    ids, mask, positions = behind([rows[place] for place in places], laid, before[0][0].shape[2])
    width = ids.shape[1]
    hidden = model.decoder.states(
        ids.to(device), mask.to(device), positions.to(device), cache, last=width
    )
    later = [each.source >= 0 for each in laid]  # what follows a first token, which is known
    states = torch.cat(
        [
            states[each.source[some].to(device)]
            for states, each, some in zip(hidden, laid, later, strict=True)
        ]
    )
    targets = torch.cat([each.target[some] for each, some in zip(laid, later, strict=True)])
    told = torch.cat(
        [
            model.head(part).log_softmax(dim=-1).cpu().gather(1, wanted[:, None])[:, 0]
            for part, wanted in zip(
                torch.split(states, TOKENS), torch.split(targets, TOKENS), strict=True
            )
        ]
    )
    parts = torch.split(told, [int(some.sum()) for some in later])
    for place, labels, each, some, values in zip(
        places, chosen.values(), laid, later, parts, strict=True
    ):
        one = found[place]
        totals = torch.tensor([one.bounds[label] for label in labels])
        totals.index_add_(0, each.branch[some], values)
        one.totals |= dict(zip(labels, totals.tolist(), strict=True))
        one.tokens += each.ids.numel()


def behind(
    rows: Sequence[Encoded], laid: Sequence[Branches], before: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and positions of each row's labels behind the `before` slots that its prefix and
    its left padded prompt take. Rows are filled up at their end; what fills sees itself alone."""
    width = max(each.ids.numel() for each in laid)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    positions = torch.zeros(len(rows), width, dtype=torch.long)
    seen = torch.zeros(len(rows), 1, width, before + width, dtype=torch.bool)
    seen[:, 0, :, before:] = torch.eye(width, dtype=torch.bool)
    for row, (encoded, each) in enumerate(zip(rows, laid, strict=True)):
        count = each.ids.numel()
        ids[row, :count] = each.ids
        positions[row, :count] = len(encoded.ids) + each.offset
        seen[row, 0, :count, : encoded.shared] = True
        seen[row, 0, :count, before - len(encoded.own) : before] = True
        seen[row, 0, :count, before : before + count] = each.visible
    return ids, seen, positions
