"""Labels: too few, too alike, unequal in number, and in conflict with each other."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from corpora.checks.material import Material, about, several, some
from corpora.similarity import normalise
from corpora.task import Check

_FEW = 5
_MOST = 0.7
"""Share of the commonest label from which accuracy says little."""
_ENOUGH = 10
"""Test rows under which a share of them says nothing."""
_JOINT = re.compile(r"(?<=\w)[\s_-]+(?=\w)")


def single_label(material: Material) -> Iterator[Check]:
    task = material.dataset.task
    if task.kind == "classification" and len(task.labels) < 2 and material.rows:
        message = (
            f"There is one label only ({', '.join(task.labels)}), so every answer is right. "
            "Add rows with other labels."
        )
        yield about("single-label", "error", message)


def unknown_labels(material: Material) -> Iterator[Check]:
    task = material.dataset.task
    if task.kind != "classification":
        return
    stray: dict[str, list[str]] = {}
    for row in material.rows:
        bad = [
            text
            for text in (row.output, *row.alternatives)
            if text not in task.labels or text != text.strip()
        ]
        if bad:
            stray[row.id] = bad
    if stray:
        names = some(sorted({text for bad in stray.values() for text in bad}))
        message = (
            f"{several(len(stray), 'row has', 'rows have')} an output that is no label of the "
            f"task, or has space around it: {names}. Correct the rows, or add to `labels`."
        )
        yield about("unknown-labels", "error", message, stray)


def alike_labels(material: Material) -> Iterator[Check]:
    """Labels that differ by case, spaces, hyphens or underscores only."""
    if material.dataset.task.kind != "classification":
        return
    count = Counter(row.output for row in material.rows)
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in sorted({*material.dataset.task.labels, *count}):
        spellings[_JOINT.sub(" ", label.casefold()).strip()].append(label)
    for labels in spellings.values():
        if len(labels) > 1:
            labels.sort(key=lambda label: (-count[label], label))
            rarer = [row.id for row in material.rows if row.output in labels[1:]]
            message = (
                f"The labels {some(labels)} differ by case, spaces or hyphens only: each answer "
                f"can be right for one of them alone. Write all as {labels[0]!r}."
            )
            yield about("alike-labels", "warning", message, rarer)


def rare_labels(material: Material) -> Iterator[Check]:
    """Labels without any row, without training rows, with few of them, or without test rows."""
    train, test = (
        Counter(row.output for row in rows)
        for rows in (material.dataset.train, material.dataset.test)
    )
    if not train:
        return
    labels = material.dataset.task.labels
    used = {row.output for row in material.rows}
    empty = [label for label in labels if label not in used]
    missing = [label for label in labels if label in used and not train[label]]
    rare = [label for label in labels if 0 < train[label] < _FEW]
    untested = [label for label in labels if label in used and not test[label]]
    if empty:
        message = (
            f"No row has the label {some(empty)}: a label that never occurs can only be chosen "
            "wrongly. Add rows, or remove it from `labels`."
        )
        yield about("empty-labels", "warning", message)
    if missing:
        message = f"No training row has the label {some(missing)}: nothing can learn it."
        yield about("label-not-in-training", "warning", message)
    if rare:
        message = f"Fewer than {_FEW} training rows have the label {some(rare)}. Label more."
        yield about("few-training-rows", "warning", message)
    if untested and test:
        message = (
            f"No test row has the label {some(untested)}: how well it is told is not measured. "
            "Label some for the test split."
        )
        yield about("label-not-in-test", "info", message)


def imbalanced_labels(material: Material) -> Iterator[Check]:
    """One label so common that naming it always looks good."""
    task, test = material.dataset.task, material.dataset.test
    if task.metric != "accuracy" or len(test) < _ENOUGH or len(task.labels) < 2:
        return
    label, n = Counter(row.output for row in test).most_common(1)[0]
    if n >= _MOST * len(test):
        message = (
            f"{n} of {len(test)} test rows have the label {label!r}: to answer it always scores "
            f"{n / len(test):.2f}. Set `metric: macro_f1`, which weighs all labels alike."
        )
        yield about("imbalanced-labels", "warning", message)


def conflicting_labels(material: Material) -> Iterator[Check]:
    """Inputs that are equal, or nearly so, with different labels."""
    if material.dataset.task.kind != "classification":
        return
    rows = material.rows
    equal: set[int] = set()
    near: set[int] = set()
    torn: set[str] = set()
    pairs = 0
    for a, b in material.pairs:
        if rows[a].output == rows[b].output:
            continue
        text = normalise(rows[a].input)
        if text == normalise(rows[b].input):
            torn.add(text)
            equal |= {a, b}
        else:
            pairs += 1
            near |= {a, b}
    if torn:
        number = len(torn)  # findings name rows and quote none: they stand in published records
        message = (
            f"{number} input{'s' * (number > 1)} occur{'s' * (number == 1)} with different labels. "
            "Decide on one label each."
        )
        yield about("conflicting-labels", "warning", message, [rows[n].id for n in sorted(equal)])
    if near:
        one, many = "pair of nearly equal inputs has", "pairs of nearly equal inputs have"
        message = (
            f"{several(pairs, one, many)} different labels. Read them: where the difference does "
            "not matter, one of the two labels is wrong."
        )
        ids = [rows[n].id for n in sorted(near)]
        yield about("conflicting-near-labels", "info", message, ids)
