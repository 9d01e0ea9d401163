"""Floating-point operations that a computation executes, and the machine's ceiling for them.

Counted are the matrix products that run, from their shapes, at 2 · m · n · k each: linear layers,
scores and weighted values of attention, the output head; in training those of the backward pass
too, where frozen weights have a product for their inputs' gradient and none for their own, and
adapters have both. What is reused (a shared prefix) counts once, padding counts as it is
executed, elementwise work counts as nothing. The ceiling is one product of 4096 x 4096 matrices
in bfloat16, by the same library on the same cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from inspect import unwrap
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, addmm_flop, baddbmm_flop, sdpa_flop

SIZE = 4096
TIMES = 7


def executed(work: Callable[[], object]) -> int:
    """Operations of the matrix products that `work` executes."""
    with FlopCounterMode(display=False, custom_mapping=UNKNOWN) as counter:
        work()
    return int(counter.get_total_flops())


def packed_product(
    inputs: Any, weight: Any, *others: Any, out_shape: Any = None, **named: Any
) -> int:
    """A linear layer whose weights oneDNN has laid out: shapes (..., k) to (..., n)."""
    rows = 1
    for size in out_shape:
        rows *= size
    return int(2 * rows * inputs[-1])


PACKED: dict[Any, Callable[..., int]] = {
    getattr(torch.ops.mkldnn, name): packed_product
    for name in ("_linear_pointwise",)
    if hasattr(torch.ops.mkldnn, name)  # torch is built without oneDNN for some processors
}
UNKNOWN: dict[Any, Callable[..., int]] = {
    **PACKED,
    torch.ops.aten.addmm_: unwrap(addmm_flop),
    torch.ops.aten.baddbmm_: unwrap(baddbmm_flop),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: unwrap(sdpa_flop),
}
"""Products that the counter of torch does not know."""


def product_flops(*, size: int = SIZE, times: int = TIMES, device: str = "cpu") -> float:
    """Operations a second of a square bfloat16 product, the median of some."""
    left, right = (torch.randn(size, size).to(device, torch.bfloat16) for _ in range(2))
    out = torch.empty_like(left)
    taken = []
    for number in range(times + 2):
        began = time.perf_counter()
        torch.matmul(left, right, out=out)
        if device != "cpu":
            torch.cuda.synchronize(device)
        if number >= 2:  # the first ones warm up
            taken.append(time.perf_counter() - began)
    return 2 * size**3 / median(taken)


def share_of_ceiling(
    work: Callable[[], object], *, product: Callable[[], float] = product_flops
) -> dict[str, float]:
    """What share of the ceiling `work` reaches; it runs twice and must do the same both times.

    The first run is counted, the second is timed, with the ceiling measured right before and
    right after it. `share`, `operations`, `seconds`, `product_gflops`.
    """
    operations = executed(work)
    before = product()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    ceiling = (before + product()) / 2
    return {
        "share": operations / seconds / ceiling,
        "operations": float(operations),
        "seconds": seconds,
        "product_gflops": ceiling / 1e9,
    }
