"""What strategies have in common, by name; of one never heard of, what its family has."""

from __future__ import annotations

from typing import Literal

from benchmarks.records import StrategyFacts

Trait = Literal["language", "examples", "documents", "tuned"]
"""What an answer rests on: a language model, a look at similar training examples, documents found
for it, weights that were trained."""

TRAITS: dict[str, tuple[Trait, ...]] = {
    "baseline.majority": (),
    "baseline.copy": (),
    "baseline.nearest": ("examples",),
    "baseline.linear": ("examples",),
    "baseline.passage": ("documents",),
    "prompt.zero-shot": ("language",),
    "prompt.few-shot": ("language",),
    "prompt.nearest": ("language", "examples"),
    "prompt.optimized": ("language", "examples"),
    "cascade": ("language", "examples"),
}
OF_FAMILY: dict[str, tuple[Trait, ...]] = {
    "prompting": ("language",),
    "rag": ("language", "documents"),
    "fine-tuning": ("language", "tuned"),
    "combined": ("language", "documents", "tuned"),
}
KIN = {
    "baseline.nearest": "look-up",
    "baseline.linear": "look-up",
    "prompt.few-shot": "examples shown",
    "prompt.nearest": "examples shown",
    "prompt.optimized": "examples shown",
}
"""Strategies that do nearly the same. All others of the language model's families are kin to
their family, except where they stand alone; all others are kin to themselves."""
ALONE = ("prompt.zero-shot", "cascade")
DEFAULT = {
    "prompt.optimized": "prompt.nearest",
    "rag.optimized": "rag.hybrid",
    "lora.optimized": "lora",
    "lora+rag.optimized": "lora+rag",
}
"""A strategy that searches for its settings, and the one that has them by default."""


def traits_of(strategy: StrategyFacts) -> tuple[Trait, ...]:
    found = TRAITS.get(strategy.name)
    return OF_FAMILY.get(strategy.family, ()) if found is None else found


def kin_of(strategy: StrategyFacts) -> str:
    if strategy.name in KIN:
        return KIN[strategy.name]
    if strategy.name in ALONE or strategy.family not in OF_FAMILY:
        return strategy.name
    return KIN["prompt.few-shot"] if strategy.family == "prompting" else strategy.family


def pair_of(strategy: StrategyFacts) -> str:
    """The same for a strategy that searches and for its default."""
    return DEFAULT.get(strategy.name, strategy.name)
