"""What training rows give away of test rows, and rows that count twice.

Near-duplicates are found exactly, by prefix filtering (`corpora.similarity`), which is fast
enough that no sketch such as MinHash has to stand in for the true similarity.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from corpora.checks.material import Material, about, several
from corpora.similarity import clusters, normalise
from corpora.task import Check, Example

_LONG = 6
"""Words of an answer from which two rows have the same one hardly by chance."""


def crossing_duplicates(material: Material) -> Iterator[Check]:
    """Test rows that nearly repeat a row which strategies have seen."""
    leaked = leaked_rows(material)
    if leaked:
        message = (
            f"{len(leaked)} of {len(material.dataset.test)} test rows nearly repeat a training or "
            "validation row, which flatters whatever remembers. Remove them, or give such rows "
            "one `group`."
        )
        ids = [material.rows[number].id for number in leaked]
        yield about("near-duplicates", "warning", message, ids)


def repeated_validation(material: Material) -> Iterator[Check]:
    """Validation rows that a training row gives away."""
    train, validation = material.dataset.train, material.dataset.validation
    kept = {row.id for row in independent(train, validation)}
    if leaked := [row.id for row in validation if row.id not in kept]:
        message = (
            f"{len(leaked)} of {len(validation)} validation rows nearly repeat a training row. "
            "Forecasts and races leave them out; what searches for its settings is misled by "
            "them. Remove them, or leave the splits out."
        )
        yield about("repeated-validation", "warning", message, leaked)


def leaked_rows(material: Material) -> list[int]:
    """Test rows that training or validation rows give away (`given_away`)."""
    return given_away(material.rows, material.seen, material.repeated)


def independent(train: Sequence[Example], rows: Sequence[Example]) -> tuple[Example, ...]:
    """Those of the rows that no training row gives away."""
    both = (*train, *rows)
    leaked = set(given_away(both, len(train), clusters([row.input for row in both])))
    return tuple(row for number, row in enumerate(rows, len(train)) if number not in leaked)


def given_away(rows: Sequence[Example], seen: int, repeated: Iterable[Sequence[int]]) -> list[int]:
    """Rows behind the first `seen` whose input nearly repeats one of those: the same input, or the
    same output too. Where one question is put about many things and answered differently, nothing
    leaks. `repeated` are clusters of rows with nearly the same input."""
    leaked = []
    for cluster in repeated:
        if cluster[0] >= seen or cluster[-1] < seen:
            continue
        inputs = {normalise(rows[number].input) for number in cluster if number < seen}
        for alike in clusters([rows[number].output for number in cluster]):
            known = cluster[alike[0]] < seen
            leaked += [
                number
                for number in (cluster[place] for place in alike)
                if number >= seen and (known or normalise(rows[number].input) in inputs)
            ]
    return sorted(leaked)


def repeated_rows(material: Material) -> Iterator[Check]:
    """Rows that repeat an earlier one of their split: nearly the same input with the same output,
    or the same input (labels in conflict are told apart from this). Those of one group are known
    to belong together."""
    rows = material.rows
    fields = ["output"] + ["input"] * (material.dataset.task.kind != "classification")
    again: list[int] = []
    exact = 0
    for cluster in material.repeated:
        holders: dict[tuple[str, str, str], set[str | int]] = defaultdict(set)
        inputs: set[tuple[str, str]] = set()
        for number in cluster:
            row, split = rows[number], material.split(number)
            own = number if row.group is None else row.group
            found = False
            for field in fields:
                groups = holders[split, field, normalise(getattr(row, field))]
                found = found or len(groups) > (own in groups)
                groups.add(own)
            if found:
                again.append(number)
                exact += (split, row.input) in inputs
            inputs.add((split, row.input))
    if again:
        count = Counter(material.split(number) for number in again)
        where = ", ".join(f"{split} {n:,}" for split, n in sorted(count.items()))
        message = (
            f"{several(len(again), 'row repeats', 'rows repeat')} another row of the same split "
            f"({where}; {exact:,} word for word). Each counts twice, which in the test split makes "
            "intervals too narrow. Keep one of each, or give them one `group`."
        )
        yield about("repeated-rows", "info", message, [rows[number].id for number in sorted(again)])


def crossing_groups(material: Material) -> Iterator[Check]:
    dataset = material.dataset
    seen = {row.group for row in (*dataset.train, *dataset.validation) if row.group is not None}
    crossing = [row for row in dataset.test if row.group in seen]
    if crossing:
        groups = len({row.group for row in crossing})
        message = (
            f"{groups} group{'s' * (groups > 1)} with test rows also have training or validation "
            "rows. Keep a group in one split, or leave the splits out."
        )
        yield about("crossing-groups", "warning", message, [row.id for row in crossing])


def answers_in_training(material: Material) -> Iterator[Check]:
    """Long answers of test rows that a training row has too, to another input.

    No fault where many questions have one answer, as with canned replies. Short answers, and
    the one that says that there is none, are alike by chance.
    """
    task, dataset = material.dataset.task, material.dataset
    if task.kind not in ("question-answering", "generation") or not dataset.train:
        return
    known = {normalise(row.output) for row in dataset.train}
    leaked = set(leaked_rows(material))
    recalled = [
        material.rows[number].id
        for number in range(material.seen, len(material.rows))
        if number not in leaked and _recalled(material.rows[number].output, known, task.no_answer)
    ]
    if recalled:
        share = len(recalled) / len(dataset.test)
        message = (
            f"{len(recalled)} of {len(dataset.test)} test rows ({share:.0%}) have a long answer "
            "that a training row has too, to another input: repeating what was seen is enough "
            "there. Right for canned replies; otherwise give such rows one `group`."
        )
        yield about("answers-in-training", "info", message, recalled)


def _recalled(output: str, known: set[str], no_answer: str | None) -> bool:
    text = normalise(output)
    return output != no_answer and len(text.split()) >= _LONG and text in known
