"""Reading tokens with the layers of a network: the contract, and the way of transformers."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from transformers.cache_utils import Cache

from strategies.models.heads import logits_of
from strategies.models.packing import Packed
from strategies.models.recorded import Recorder, Steps


class Decoder(Protocol):
    """The layers of a network and its output head."""

    @property
    def device(self) -> torch.device: ...

    @property
    def layers(self) -> int:
        """How many there are."""
        ...

    @property
    def packed(self) -> bool:
        """Whether weights are laid out anew, which rounds otherwise."""
        ...

    @property
    def records(self) -> bool:
        """Whether `steps` may be had; if so there is nothing to gain by guessing ahead."""
        ...

    def states(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
        *,
        last: int,
    ) -> torch.Tensor:
        """Hidden states of the `last` tokens of each row: rows × last × width.

        ids and positions: rows × tokens, at least `last` of them; mask: rows × 1 × tokens × keys,
        True where a key is seen. Keys and values of all tokens go into `cache`, behind those that
        it holds.
        """
        ...

    def halfway(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States of all tokens behind half of the layers (one at least), and as `states` gives
        them: each rows × tokens × width. Arguments as there."""
        ...

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (tokens x vocabulary) of hidden states (tokens x width), in the network's type."""
        ...

    def steps(self, cache: Cache, room: int) -> Steps | None:
        """Recorded steps for the rows of a cache with at least so much room; None where none are
        to be had."""
        ...


class PlainDecoder:
    """A network of any kind, as transformers computes it."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self._packed = Packed(network)
        self._recorder = Recorder(self)

    @property
    def device(self) -> torch.device:
        device: torch.device = self.network.device
        return device

    @property
    def layers(self) -> int:
        return int(self.network.config.get_text_config().num_hidden_layers)

    @property
    def packed(self) -> bool:
        return self._packed.helps

    @property
    def records(self) -> bool:
        return self._recorder.able

    def states(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
        *,
        last: int,
    ) -> torch.Tensor:
        with self._packed:
            hidden: torch.Tensor = self.network.get_decoder()(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                cache=cache,
                use_cache=cache is not None,
            ).last_hidden_state
        return hidden[:, -last:]

    def halfway(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with self._packed:
            found = self.network.get_decoder()(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                cache=cache,
                use_cache=cache is not None,
                output_hidden_states=True,
            )
        return found.hidden_states[max(1, self.layers // 2)], found.last_hidden_state

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        with self._packed:
            return logits_of(self.network, hidden)

    def steps(self, cache: Cache, room: int) -> Steps | None:
        return self._recorder.steps(cache, room)
