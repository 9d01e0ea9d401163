"""A made-up task for comparisons of the service: orders in which a colour is named."""

from collections.abc import Mapping, Sequence
from typing import Any

COLOURS = ("red", "green", "blue")


def made_up(
    name: str, model: str, strategies: Sequence[str], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """The spec of a task with so many rows of each split; the same but for the name."""
    rows = [
        {"id": f"{split}{n}", "split": split, "output": COLOURS[n % 3]}
        | {"input": f"{split} order {n}: paint item {n * 7919 % 10007} in {COLOURS[n % 3]}."}
        for split, count in sizes.items()
        for n in range(count)
    ]
    return {
        "name": name,
        "kind": "classification",
        "instruction": "Name the colour that the customer asks for.",
        "examples": rows,
        "model": model,
        "strategies": list(strategies),
    }
