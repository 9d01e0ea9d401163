"""Gradients of adapters on CUDA, recorded once for each shape of a step.

A step of a small model launches thousands of kernels, which takes longer than they do. Rows are
padded to few shapes, and each shape's kernels are launched together (`strategies.models.recorded`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from strategies.adapted_layers import AdaptedLayers
from strategies.models.batching import out_of_memory
from strategies.models.heads import logits_of
from strategies.models.recorded import Unrecordable, recorded

if TYPE_CHECKING:
    from strategies.training_rows import PackedRow

TOKENS = 128
"""Tokens are padded to a multiple of this."""
LEARNED = 64
"""Learned tokens are padded to this times a power of two."""


class Gradient:
    """The gradient of rows with so many tokens, of which so many are learned.

    Recorded on CUDA; elsewhere computed as it is, which is only of use in tests.
    """

    def __init__(
        self,
        network: Any,
        layers: AdaptedLayers,
        weights: Sequence[torch.Tensor],
        shape: tuple[int, int],
        pool: Any = None,
    ) -> None:
        self.network, self.layers, self.weights = network, layers, weights
        device = network.device
        tokens, learned = self.shape = shape
        self.ids, self.positions = torch.zeros(2, tokens, dtype=torch.long, device=device)
        self.seen = torch.eye(tokens, dtype=torch.bool, device=device)
        self.places = torch.zeros(learned, dtype=torch.long, device=device)
        self.targets = torch.zeros(learned, dtype=torch.long, device=device)
        self.scale = torch.zeros((), device=device)
        self.graph: torch.cuda.CUDAGraph | None = None
        if device.type == "cuda":
            self.graph, self.found = recorded(self._compute, device, pool)

    def __call__(self, row: PackedRow, scale: float) -> tuple[float, torch.Tensor]:
        """The summed loss of a row's learned tokens times `scale`, and its gradient for all
        weights, behind each other, in float32."""
        row = row.padded(*self.shape)
        self.ids.copy_(torch.tensor(row.ids))
        self.positions.copy_(torch.tensor(row.positions))
        self.seen.copy_(row.seen())
        self.places.copy_(torch.tensor(row.places))
        self.targets.copy_(torch.tensor(row.targets))
        self.scale.fill_(scale)
        if self.graph is None:
            self.found = self._compute()
        else:
            self.graph.replay()
        loss, gradient = self.found
        return float(loss), gradient.clone()

    def _compute(self) -> tuple[torch.Tensor, torch.Tensor]:
        entering = self.layers.embedded(self.ids)
        hidden = self.layers.states(entering, self.seen, self.positions, self.places)
        loss = self.scale * loss_of(logits_of(self.network, hidden), self.targets)
        return loss.detach(), flat_of(torch.autograd.grad(loss, self.weights))


class GradientRecorder:
    """A `Gradient` for each shape that is met."""

    def __init__(
        self,
        network: Any,
        layers: AdaptedLayers,
        weights: Sequence[torch.Tensor],
        make: Callable[..., Gradient] = Gradient,
    ) -> None:
        self.network, self.layers, self.weights = network, layers, weights
        self.able = True
        self._make = make
        self._kept: dict[tuple[int, int], Gradient] = {}

    def gradient(self, row: PackedRow, scale: float) -> tuple[float, torch.Tensor] | None:
        """As `Gradient`; None where the network cannot be recorded, or memory does not hold what
        is recorded beside what training takes."""
        if not self.able:
            return None
        shape = shape_of(row)
        if shape not in self._kept:
            graphs = [kept.graph for kept in self._kept.values() if kept.graph is not None]
            pool = graphs[0].pool() if graphs else None
            try:
                self._kept[shape] = self._make(self.network, self.layers, self.weights, shape, pool)
            except RuntimeError as error:
                if not (isinstance(error, Unrecordable) or out_of_memory(error)):
                    raise
                self.able = False
                self._kept.clear()
                return None
        return self._kept[shape](row, scale)


def shape_of(row: PackedRow) -> tuple[int, int]:
    """Tokens and learned tokens that a row is padded to."""
    learned = LEARNED
    while learned < len(row.targets):
        learned *= 2
    return -(-len(row.ids) // TOKENS) * TOKENS, learned


def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Summed cross-entropy of tokens; none of those that are IGNORED, torch's default for it."""
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum")


def flat_of(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """All numbers behind each other, in float32."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors]).float()
