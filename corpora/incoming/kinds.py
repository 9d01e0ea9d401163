"""What kind of task the rows are, and the instruction that all inputs begin with."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from corpora.incoming.columns import SHORT
from corpora.task import Kind

_QUESTION = re.compile(
    r"\?\s*$|^\W*(?:who|what|when|where|which|whose|why|how|is|are|was|were|do|does|did|can|could|"
    r"should|will|would|has|have|may)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-+$€£]?\d[\d.,]*%?")
AFTER_PROMPT = re.compile(r"(#{2,}|[-=]{1,2}>|={3,}|-{3,})$")
AFTER_COMPLETION = re.compile(r"(#{2,}|<?\bEND>?|<\|\w+\|>)$")
"""Marks with which older fine-tuning files end every prompt and every completion."""
_LONGEST_MARK = 20
MAX_LABELS = 500
LONG = 300
"""Characters: answers longer than this on average are texts, whatever was asked."""


def guess_kind(
    inputs: Sequence[str], outputs: Sequence[str], *, asked: bool = False, snippets: bool = False
) -> Kind | None:
    """The kind by the shape of the rows; None where two kinds are as likely.

    `asked`: the input's column is called a question. `snippets`: outputs are what an answer must
    contain.
    """
    if not outputs:
        return None
    if sum(is_object(output) for output in outputs) >= 0.9 * len(outputs):
        return "extraction"
    labels = _looks_like_labels(outputs)
    if labels:
        return "classification"
    questions = sum(_QUESTION.search(text) is not None for text in inputs)
    free = sum(map(len, outputs)) / len(outputs)
    if snippets or (free <= LONG and (asked or questions >= 0.5 * len(inputs))):
        return None if labels is None and not asked and not snippets else "question-answering"
    return None if labels is None else "generation"


def is_object(output: str) -> bool:
    """Whether a text is one JSON object."""
    if not output.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(output), dict)
    except (ValueError, RecursionError):
        return False


def common_beginning(inputs: Sequence[str]) -> str:
    """The instruction that every input begins with: at least four words, up to a line's or a
    clause's end; empty where there is none."""
    if len(inputs) < 5:
        return ""
    first, last = min(inputs), max(inputs)  # in order, so what they share all share
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    shared = first[:same]
    cut = max(shared.rfind("\n"), shared.rfind(": ") + 1)
    beginning = shared[:cut] if cut > 0 else ""
    enough = len(beginning.split()) >= 4 and len(beginning) >= 20
    return beginning if enough and all(text[cut:].strip() for text in inputs) else ""


def common_separator(texts: Sequence[str], signs: re.Pattern[str]) -> str:
    """The mark that every text ends with, such as "###"; empty where there is none."""
    tails = (text.rstrip()[-_LONGEST_MARK:] for text in texts)
    found = {match[1] if (match := signs.search(tail)) else "" for tail in tails}
    return found.pop() if len(found) == 1 else ""


def _looks_like_labels(outputs: Sequence[str]) -> bool | None:
    """Whether outputs are few short texts that repeat; None where it is in between."""
    short = max(map(len, outputs)) <= SHORT and not any("\n" in output for output in outputs)
    count = Counter(outputs)
    if not short or len(count) > MAX_LABELS:
        return False
    if len(count) > 20 and all(_NUMBER.fullmatch(output) for output in count):
        return False
    repeated = sum(times for times in count.values() if times > 1) / len(outputs)
    if len(count) == 1:
        return True if len(outputs) > 1 else None
    if repeated >= 0.95 and len(count) <= max(2, len(outputs) / 3):
        return True
    if len(outputs) < 10:
        return None
    return None if repeated >= 0.6 and len(count) <= len(outputs) / 2 else False
