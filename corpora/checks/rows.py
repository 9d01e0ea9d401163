"""Whether there are rows enough, and an instruction that says what to do with them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpora.checks.material import Material, about
from corpora.power import detectable_difference, examples_needed
from corpora.task import Check

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Thai, Lao, Burmese, Khmer, Japanese kana, and the characters of Chinese and Japanese."""


def no_examples(material: Material) -> Iterator[Check]:
    if not material.rows:
        message = "There is no example. Add rows with an input and its right output."
        yield about("no-examples", "error", message)


def no_test_rows(material: Material) -> Iterator[Check]:
    if material.rows and not material.dataset.test:
        message = 'No row is left for testing. Mark rows with the split "test", or add rows.'
        yield about("no-test-rows", "error", message)


def no_training_rows(material: Material) -> Iterator[Check]:
    if material.dataset.test and not material.dataset.train:
        message = "No row is for training: strategies that learn from examples cannot be prepared."
        yield about("no-training-rows", "warning", message)


def vague_instruction(material: Material) -> Iterator[Check]:
    instruction = material.dataset.task.instruction.strip()
    # in scripts without spaces two signs count as a word of six letters
    signs = unspaced(instruction)
    if len(instruction.split()) + signs // 2 < 4 or len(instruction) + 2 * signs < 20:
        message = (
            f"The instruction {instruction!r} does not say what to do. State what comes in, what "
            "goes out, and in which form, such as: Classify the customer's email into exactly "
            "one category."
        )
        yield about("vague-instruction", "error", message)


def small_test(material: Material) -> Iterator[Check]:
    have, need = len(material.dataset.test), examples_needed(0.1)
    if 0 < have < need:
        points = 100 * detectable_difference(have)
        message = (
            f"With {have} test rows, only differences of about {points:.1f} points or more "
            f"can be told; for 10 points {need} test rows are needed, {need - have} more."
        )
        yield about("small-test", "warning", message)


def unspaced(text: str) -> int:
    """The characters of scripts that put no spaces between words."""
    return len(_UNSPACED.findall(text))
