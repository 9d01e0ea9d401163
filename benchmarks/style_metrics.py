"""Scores of a text against the task's rules of style: pure functions, 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence

from corpora.style_rules import keeps
from corpora.task import Rule


def rules_kept(answer: str, rules: Sequence[Rule]) -> float:
    """The share of the rules that an answer keeps; 0 for an empty one, which breaks none."""
    if not rules or not answer.strip():
        return 0.0
    return sum(keeps(rule, answer) for rule in rules) / len(rules)
