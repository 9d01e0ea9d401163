"""Which of the offered choices a written reply names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence


def named_choice(reply: str, choices: Sequence[str]) -> str | None:
    """The choice equal to the reply, else the only one named in it, else None.

    Case, spacing and the punctuation around do not count ("**Billing**." names "billing"). A
    choice that is part of a longer one ("card" in "lost card") is named only apart from it.
    """
    said = normalise(reply)
    for choice in choices:
        if normalise(choice) == said:
            return choice
    named = []
    for choice in sorted(choices, key=lambda choice: -len(normalise(choice))):
        pattern = rf"(?<!\w){re.escape(normalise(choice))}(?!\w)"
        if normalise(choice) and re.search(pattern, said):
            named.append(choice)
            said = re.sub(pattern, "\n", said)
    return named[0] if len(named) == 1 else None


def normalise(text: str) -> str:
    """Lower case, single spaces, no punctuation around."""
    joined = " ".join(text.casefold().split())
    return re.sub(r"^[\W_]+|[\W_]+$", "", joined) or joined


def certain(reply: str, choices: Sequence[str]) -> Mapping[str, float]:
    """Probabilities of a model that gives no likelihoods: 1 on what it said.

    A reply that names no choice is an answer, and a wrong one: it stands beside the choices
    with all the probability, so that it is scored and shown as what was said. An error would
    leave it out of the score; equal shares would invent an answer.
    """
    named = named_choice(reply, choices)
    probabilities = dict.fromkeys(choices, 0.0)
    probabilities[reply.strip() if named is None else named] = 1.0
    return probabilities
