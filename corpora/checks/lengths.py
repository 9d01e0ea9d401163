"""Rows too long for a model to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from corpora.checks.material import Material, about, several
from corpora.checks.rows import unspaced
from corpora.task import Check, Dataset, Example

ASSUMED_CONTEXT = 8192
"""Tokens that small language models read; where no model is at hand, the measure."""


def perhaps_too_long(material: Material) -> Iterator[Check]:
    """An upper estimate without any model: a token has two characters or more, and one in scripts
    without spaces."""
    dataset = material.dataset
    suspects = []
    for number, row in enumerate(material.rows):
        text = _read(dataset, row, learned=number < len(dataset.train))
        if len(text) > ASSUMED_CONTEXT:
            single = unspaced(text)
            if single + (len(text) - single) / 2 > ASSUMED_CONTEXT:
                suspects.append(row.id)
    if suspects:
        message = (
            f"{several(len(suspects), 'row')} may not fit, with the instruction, into the "
            f"{ASSUMED_CONTEXT:,} tokens that many small models read. Shorten the inputs, or take "
            "a model that reads more; a comparison counts exactly."
        )
        yield about("long-inputs", "warning", message, suspects)


def longer_than_context(
    dataset: Dataset, model: str, context: int, count_tokens: Callable[[str], int]
) -> tuple[Check, ...]:
    """Rows that the model cannot read, even without examples or passages beside them.

    `context` is the most tokens of prompt and completion together. Texts of no more bytes than
    that are not counted: no token has less than one.
    """
    train = _longer(dataset, dataset.train, context, count_tokens, learned=True)
    asked = (*dataset.validation, *dataset.test)
    other = _longer(dataset, asked, context, count_tokens, learned=False)
    if not train and not other:
        return ()
    told = [
        *([several(len(other), "answer of it is", "answers of it are") + " lost"] if other else []),
        *([several(len(train), "training row") + " cannot be learned from"] if train else []),
    ]
    message = (
        f"{several(len(train) + len(other), 'row is', 'rows are')} longer, with the instruction, "
        f"than the {context:,} tokens that {model} reads: {' and '.join(told)}. Shorten the "
        "inputs, or take a model that reads more."
    )
    return (about("longer-than-context", "warning", message, [*other, *train]),)


def _longer(
    dataset: Dataset,
    rows: tuple[Example, ...],
    context: int,
    count_tokens: Callable[[str], int],
    *,
    learned: bool,
) -> list[str]:
    found = []
    for row in rows:
        text = _read(dataset, row, learned=learned)
        if len(text.encode()) > context and count_tokens(text) > context:
            found.append(row.id)
    return found


def _read(dataset: Dataset, row: Example, *, learned: bool) -> str:
    """The least that a model must read at once; of a row that is learned from, the output too."""
    parts = [dataset.task.instruction, row.input, *([row.output] if learned else [])]
    return "\n".join(parts)
