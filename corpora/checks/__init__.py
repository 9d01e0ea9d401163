"""What can be told of the data before any model runs."""

from __future__ import annotations

from corpora.checks.characters import control_characters, mojibake
from corpora.checks.deep import Embed, deep_checks
from corpora.checks.documents import (
    instructions_in_documents,
    no_sources,
    repeated_documents,
    rows_in_documents,
    wrong_sources,
)
from corpora.checks.incumbent import incumbent_of_nothing, incumbent_without_answers
from corpora.checks.labels import (
    alike_labels,
    conflicting_labels,
    imbalanced_labels,
    rare_labels,
    single_label,
    unknown_labels,
)
from corpora.checks.lengths import longer_than_context, perhaps_too_long
from corpora.checks.material import Finder, Material
from corpora.checks.outputs import broken_outputs, broken_rules, empty_outputs
from corpora.checks.privacy import personal_data
from corpora.checks.rows import (
    no_examples,
    no_test_rows,
    no_training_rows,
    small_test,
    vague_instruction,
)
from corpora.checks.splits import (
    answers_in_training,
    crossing_duplicates,
    crossing_groups,
    repeated_rows,
    repeated_validation,
)
from corpora.task import Check, Dataset

CHECKS: tuple[Finder, ...] = (
    no_examples,
    no_test_rows,
    single_label,
    vague_instruction,
    empty_outputs,
    broken_outputs,
    unknown_labels,
    wrong_sources,
    no_training_rows,
    small_test,
    crossing_duplicates,
    crossing_groups,
    repeated_validation,
    rows_in_documents,
    alike_labels,
    conflicting_labels,
    rare_labels,
    imbalanced_labels,
    broken_rules,
    mojibake,
    control_characters,
    no_sources,
    repeated_documents,
    instructions_in_documents,
    incumbent_without_answers,
    incumbent_of_nothing,
    repeated_rows,
    answers_in_training,
    personal_data,
)
QUICK_CHECKS: tuple[tuple[str, Finder], ...] = (
    ("examples", no_examples),
    ("examples", no_test_rows),
    ("labels", single_label),
    ("instruction", vague_instruction),
)
"""Those that may refuse a task while somebody waits, with the field at fault."""
_ORDER = ("error", "warning", "info")


def check_dataset(
    dataset: Dataset, *, lengths: tuple[Check, ...] | None = None, embed: Embed | None = None
) -> tuple[Check, ...]:
    """Every finding, errors first; with an error, comparing strategies makes no sense.

    Nothing is removed from the data. `lengths` is what `longer_than_context` found with the
    models at hand; without it lengths are estimated. `embed` adds the checks that take an
    embedder (`corpora.checks.deep`).
    """
    material = Material(dataset)
    found = [finding for check in CHECKS for finding in check(material)]
    found += perhaps_too_long(material) if lengths is None else lengths
    if embed is not None:
        found += deep_checks(material, embed)
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))


__all__ = ["CHECKS", "QUICK_CHECKS", "Material", "check_dataset", "longer_than_context"]
