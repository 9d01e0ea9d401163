"""What promptfoo's assertions say of the right answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpora.incoming.table import text_of

_EXACT = ("equals",)
_LIKE = ("factuality", "similar", "rouge-n", "bleu", "gleu", "meteor", "levenshtein")
_SNIPPETS = ("icontains", "contains", "starts-with")
_ANY = ("contains-any", "icontains-any")
_ORDER = (*_EXACT, *_LIKE, *_SNIPPETS, *_ANY)
"""Types whose value is an answer, those that say most of it first."""

_OTHERS = (
    "contains-all", "icontains-all", "regex", "is-json", "contains-json", "is-html",
    "contains-html", "is-sql", "contains-sql", "is-xml", "contains-xml", "is-refusal",
    "javascript", "python", "ruby", "webhook", "latency", "cost", "perplexity",
    "perplexity-score", "llm-rubric", "g-eval", "answer-relevance", "model-graded-closedqa",
    "model-graded-factuality", "context-recall", "context-relevance", "context-faithfulness",
    "classifier", "moderation", "select-best", "fn", "eval", "grade", "file", "human",
)  # fmt: skip
_CELL = re.compile(r"\s*(?:(not-)?([a-z][a-z0-9-]*)(?:\([\d.]*\))?):\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """The right answer as far as a test says it, and by which assertion."""

    text: str
    type: str
    alternatives: tuple[str, ...] = ()

    @property
    def is_snippet(self) -> bool:
        """Whether an answer need only contain the text."""
        return self.type in (*_SNIPPETS, *_ANY)


def reference_of(assertions: Sequence[Mapping[str, Any]]) -> Reference | None:
    """The first assertion of the type that says most; None where none gives an answer."""
    found = [(_ORDER.index(one["type"]), one) for one in _flat(assertions) if _gives_answer(one)]
    if not found:
        return None
    _, best = min(found, key=lambda pair: pair[0])
    value = best["value"]
    texts = [text_of(each) for each in (value if isinstance(value, list) else [value])]
    return Reference(texts[0], best["type"], tuple(texts[1:]))


def types_of(assertions: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The types of assertions, sets opened, each once."""
    return tuple(dict.fromkeys(str(one.get("type")) for one in _flat(assertions)))


def assertion_of(cell: str) -> dict[str, Any]:
    """A cell of an `__expected` column: "contains: Paris", or a text that must be equalled."""
    match = _CELL.fullmatch(cell)
    if match is None or match[2] not in (*_ORDER, *_OTHERS):
        return {"type": "equals", "value": cell}
    kind = (match[1] or "") + match[2]
    if match[2] in _ANY:
        return {"type": kind, "value": [part.strip() for part in match[3].split(",")]}
    return {"type": kind, "value": match[3].strip()}


def _flat(assertions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The assertions with sets of them opened, to any depth that YAML can hold."""
    waiting, found = list(reversed(assertions)), []
    while waiting:
        one = waiting.pop()
        inner = one.get("assert")
        if one.get("type") == "assert-set" and isinstance(inner, list):
            waiting.extend(each for each in reversed(inner) if isinstance(each, Mapping))
        else:
            found.append(one)
    return found


def _gives_answer(assertion: Mapping[str, Any]) -> bool:
    value = assertion.get("value")
    if assertion.get("type") not in _ORDER or value is None or value == []:
        return False
    texts = value if isinstance(value, list) else [value]
    return all(text_of(each).strip() and "{{" not in text_of(each) for each in texts)
