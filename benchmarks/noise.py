"""Small changes of an input that leave its meaning: case and spaces, typos, another order.

Pure and by seed. None of them makes a paraphrase: no word is replaced by another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from corpora.task import Kind

WORD = re.compile(r"[^\W\d_]{5,}")
SPACE = re.compile(r" +")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
FIELD_LINE = re.compile(r"[^\n:]{1,40}: *\S")
BRACKETED = re.compile(r"[^,\[\]]+\[[^\[\]]*\]")
TYPOS_A_WORD = 0.1
UNORDERED: tuple[Kind, ...] = ("classification", "extraction")
"""Kinds in which a message may tell its sentences in any order. A question may build on what was
said before it, and a text to be rewritten has its order for a reason."""


def spacing(text: str, kind: Kind, rng: Random) -> str | None:
    """All in lower case, with one space in five doubled and one more at the end."""
    return SPACE.sub(lambda gap: gap[0] * 2 if rng.random() < 0.2 else gap[0], text.lower()) + " "


def typos(text: str, kind: Kind, rng: Random) -> str | None:
    """One word in ten, at least one, gets a typo; only words of five letters or more, none with
    a digit in it. None where there is no such word.
    """
    words = [match for match in WORD.finditer(text) if is_plain(text, match)]
    if not words:
        return None
    count = max(1, round(TYPOS_A_WORD * len(text.split())))
    for match in sorted(rng.sample(words, min(count, len(words))), key=lambda m: -m.start()):
        text = text[: match.start()] + mistyped(match[0], rng) + text[match.end() :]
    return text


def is_plain(text: str, match: re.Match[str]) -> bool:
    """Whether a run of letters is a word of its own, not a part of a code such as `ab_12`."""
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")


def mistyped(word: str, rng: Random) -> str:
    """Two neighbouring letters inside it swapped, one left out, or one doubled."""
    at = rng.randrange(1, len(word) - 2)
    kind = rng.randrange(3)
    if kind == 0 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == 1 else word[:at] + word[at] + word[at:]


def order(text: str, kind: Kind, rng: Random) -> str | None:
    """The same fields, or sentences where they may stand in any order, in another order.

    None where the text has only one of them.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and all(FIELD_LINE.match(line) for line in lines):
        return "\n".join(moved(lines, rng))
    fields = text.split(", ")
    if len(fields) > 1 and all(BRACKETED.fullmatch(field.strip()) for field in fields):
        return ", ".join(moved([field.strip() for field in fields], rng))
    sentences = SENTENCE_END.split(text.strip())
    if kind in UNORDERED and len(sentences) > 1:
        return " ".join(moved(sentences, rng))
    return None


def moved(parts: Sequence[str], rng: Random) -> list[str]:
    """In another order than before: turned by a random number of places."""
    by = rng.randrange(1, len(parts))
    return [*parts[by:], *parts[:by]]


Change = Callable[[str, Kind, Random], str | None]
CHANGES: dict[str, Change] = {"spacing": spacing, "typos": typos, "order": order}


def changed(name: str, text: str, kind: Kind, *, seed: int, row: str) -> str | None:
    """The text of a row with the change of that name; None where it has nothing to change."""
    found = CHANGES[name](text, kind, Random(f"{seed}/{name}/{row}"))
    return None if found == text else found
