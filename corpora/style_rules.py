"""Rules of style that a program can check: which of them a text keeps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpora.errors import InvalidInput
from corpora.patterns import check_pattern, found
from corpora.task import RULE_CHECKS, Rule

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)\]])\s+|(?<=[。！？])|\n+")


def check_rules(rules: Sequence[Rule]) -> None:
    """Raises InvalidInput for a rule without a name or check of its own, or with a bad pattern."""
    if not rules:
        raise InvalidInput("rules", [], "Write at least one, or leave the field out.")
    for number, rule in enumerate(rules):
        place = f"rules[{number}]"
        if not rule.name.strip():
            raise InvalidInput(f"{place}.name", rule.name, "It must not be blank.")
        if rule.name in [other.name for other in rules[:number]]:
            raise InvalidInput(f"{place}.name", rule.name, "It is there twice: rename one.")
        given = {name: value for name in RULE_CHECKS if (value := getattr(rule, name)) is not None}
        if len(given) != 1:
            fix = f"Give exactly one check: {', '.join(RULE_CHECKS)}."
            raise InvalidInput(place, given, fix)
        for name, value in given.items():
            if isinstance(value, str):
                check_pattern(f"{place}.{name}", value)


def keeps(rule: Rule, text: str) -> bool:
    """Whether a text keeps a rule. One that takes too long to check is not kept."""
    try:
        return judged(rule, text)
    except TimeoutError:
        return False


def judged(rule: Rule, text: str) -> bool:
    """As `keeps`, but raises TimeoutError where a pattern takes too long."""
    if rule.forbid is not None:
        return not found(rule.forbid, text)
    if rule.require is not None:
        return found(rule.require, text)
    if rule.max_words is not None:
        return words(text) <= rule.max_words
    parts = sentences(text)
    if rule.max_sentence_words is not None:
        return all(words(part) <= rule.max_sentence_words for part in parts)
    return rule.max_sentences is None or len(parts) <= rule.max_sentences


def sentences(text: str) -> list[str]:
    """Parts with a word in them: up to a full stop, question or exclamation mark, or line break."""
    return [part for part in _SENTENCE_END.split(text) if words(part)]


def words(text: str) -> int:
    """How many runs between spaces hold a letter or a digit: "don't" and "12:30" are one each."""
    return sum(any(sign.isalnum() for sign in part) for part in text.split())
