"""Requests that are nearly in order: valid bodies with a few random faults. Pure.

A body is told by its number: the same number gives the same body, so that one that broke the
service can be sent again.
"""

import json
import random
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from service.reliability.attacks.serving import extraction, spec

MOST_FAULTS = 3
HUGE = 200_000
NAMES = ("examples", "labels", "rules", "documents", "output_schema", "needs", "$ref", "pattern")
WRONG: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**400, 1e308, float("nan"), float("-inf")),
    *("", " ", "\0", "\ud800", "\u202e", "../../etc/passwd", "{{7*7}}", "(x|xx)+$", "("),
    *("x" * HUGE, [], {}, [[]], {"a": {}}, [None], ["x"] * 2_000),
)


@dataclass(frozen=True)
class Body:
    """`operation` is what it is sent to: "tasks", or a task's "comparisons" or "forecasts"."""

    operation: str
    content: bytes
    faults: tuple[str, ...]


def body_of(number: int, seed: int = 0) -> Body:
    """The body with that number."""
    chance = random.Random(f"{seed}:{number}")
    operation, valid = chance.choice(VALID)
    tree = {"body": deepcopy(valid)}  # so that the whole can be replaced too
    faults = tuple(chance.sample(FAULTS, chance.randint(1, MOST_FAULTS)))
    for fault in faults:
        if "body" in tree:
            fault(tree, chance)
    text = json.dumps(tree.get("body"), ensure_ascii=chance.random() < 0.5)
    content = text.encode("utf-8", "surrogatepass")
    names = tuple(fault.__name__ for fault in faults)
    if chance.random() < 0.1:
        spoil = chance.choice((cut, flip, insert))
        return Body(operation, spoil(content, chance), (*names, spoil.__name__))
    return Body(operation, content, names)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys: where a value can be replaced."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        pairs: Iterable[tuple[Any, Any]] = enumerate(item)
        if isinstance(item, dict):
            pairs = item.items()
        for key, value in pairs:
            found.append((item, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    return found


def place(tree: Any, chance: random.Random) -> tuple[Any, Any]:
    """One of them; each level of the tree is as likely, whatever its number of rows."""
    item: Any = tree
    key: Any = "body"
    while isinstance(item[key], dict | list) and item[key] and chance.random() < 0.7:
        item = item[key]
        key = chance.choice(list(item)) if isinstance(item, dict) else chance.randrange(len(item))
    return item, key


def replace(tree: Any, chance: random.Random) -> None:
    item, key = place(tree, chance)
    item[key] = deepcopy(chance.choice(WRONG))


def remove(tree: Any, chance: random.Random) -> None:
    item, key = place(tree, chance)
    del item[key]


def add(tree: Any, chance: random.Random) -> None:
    item, key = place(tree, chance)
    if isinstance(item[key], dict):
        item[key][chance.choice(NAMES)] = deepcopy(chance.choice(WRONG))
    elif isinstance(item[key], list):
        item[key].append(deepcopy(chance.choice(WRONG)))


def wrap(tree: Any, chance: random.Random) -> None:
    item, key = place(tree, chance)
    for _ in range(chance.choice((1, 5, 70, 250))):
        item[key] = [item[key]] if chance.random() < 0.5 else {"a": item[key]}


def repeat(tree: Any, chance: random.Random) -> None:
    item, key = place(tree, chance)
    times = chance.choice((2, 50))
    if isinstance(item[key], list | str):
        item[key] = item[key] * times


def swap(tree: Any, chance: random.Random) -> None:
    """The values of two fields of the same container."""
    item, key = place(tree, chance)
    other = chance.choice(list(item)) if isinstance(item, dict) else chance.randrange(len(item))
    item[key], item[other] = item[other], item[key]


def rename(tree: Any, chance: random.Random) -> None:
    item, key = place(tree, chance)
    if isinstance(item, dict):
        item[chance.choice((*NAMES, "", "\0", "x" * 1_000, str(key).upper()))] = item.pop(key)


def as_text(tree: Any, chance: random.Random) -> None:
    item, key = place(tree, chance)
    item[key] = str(item[key])


def graft(tree: Any, chance: random.Random) -> None:
    """A part of the body somewhere else in it."""
    item, key = place(tree, chance)
    other, name = chance.choice(places(tree))
    item[key] = deepcopy(other[name])


def change_text(tree: Any, chance: random.Random) -> None:
    item, key = place(tree, chance)
    if isinstance(item[key], str):
        at = chance.randint(0, len(item[key]))
        sign = chance.choice(("\0", "\ud800", "\r\n", "\u2028", "<script>", "|", "\U0001f600", '"'))
        item[key] = item[key][:at] + sign + item[key][at:]


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randint(0, len(content))]


def flip(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(max(1, len(content)))
    return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def insert(content: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(content))
    return content[:at] + chance.choice((b"\xff", b"[" * 5_000, b'{"a":' * 5_000)) + content[at:]


FAULTS: tuple[Callable[[Any, random.Random], None], ...] = (
    *(replace, remove, add, wrap, repeat, swap, rename, as_text, graft, change_text),
)
DOCUMENTS = [{"id": f"d{n}", "text": f"Orders of kind {n} come in {n} days."} for n in range(5)]
QUESTIONS = [
    {"input": f"When does kind {n} come?", "output": f"in {n % 5} days", "sources": [f"d{n % 5}"]}
    for n in range(12)
]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}, "parts": {"$ref": "#/$defs/p"}},
    "patternProperties": {"^x_": {"type": "string"}},
    "additionalProperties": False,
    "$defs": {"p": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}},
}
RULES = [{"name": "calm", "forbid": "!"}, {"name": "short", "max_words": 40}]
NEEDS = {"quality_at_least": 0.9, "requests_per_month": 1e6, "model_retires": "2027-06-30"}
VALID: tuple[tuple[str, Any], ...] = (
    ("tasks", spec(labels=["billing", "other"], needs=NEEDS)),
    ("tasks", extraction(SCHEMA, {"city": "Vejle", "parts": ["a", "b"], "x_note": "soon"})),
    (
        "tasks",
        spec(
            kind="question-answering",
            documents=DOCUMENTS,
            examples=QUESTIONS,
            no_answer="Not known.",
            search={"trials": 4, "seconds": 60},
        ),
    ),
    ("tasks", spec(kind="generation", rules=RULES, metric="rouge_l", learning_curve=True)),
    (
        "tasks",
        spec(
            incumbent=[{"id": str(n), "output": "other", "cost_usd": 0.001} for n in range(12)],
            deployment={"replicas": 2, "peak_requests_per_second": 3.0},
            strategies=["baseline.majority", "prompt.few-shot"],
        ),
    ),
    (
        "comparisons",
        {
            "strategies": ["baseline.majority"],
            "limit": 5,
            "train_limit": 9,
            "seed": 3,
            "race": True,
        },
    ),
    ("forecasts", {"confidence": 0.9, "budget_seconds": 60.0, "seed": 3, "limit": 5}),
)
"""Operations and bodies that each of them accepts."""
