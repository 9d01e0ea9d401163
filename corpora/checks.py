"""What can be told of the data before any model runs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from corpora.power import detectable_difference, examples_needed
from corpora.similarity import clusters, normalise
from corpora.style_rules import judged
from corpora.task import Check, Dataset, Example

_FEW = 5
_SHOWN = 5
_ORDER = ("error", "warning", "info")

_INJECTIONS = re.compile(
    r"\b(ignore|disregard|forget|override)\b[^.\n]{0,30}\b(previous|prior|above|earlier|all|any|your)"
    r"\b[^.\n]{0,30}\b(instructions?|prompts?|rules|directions)\b"
    r"|\b(reveal|print|repeat|show)\b[^.\n]{0,20}\bsystem prompt\b"
    r"|\byou are now (an?|the) (ai|assistant|model|chatbot|system)\b"
    r"|<\|(im_start|im_end|system|endoftext)\|>|\[/?INST\]|<</?SYS>>",
    re.IGNORECASE,
)
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Thai, Lao, Burmese, Khmer, Japanese kana, and the characters of Chinese and Japanese."""
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}\b")
_PHONE = re.compile(
    r"(?<![\w+])(?:\+|00)\d(?:[ ()./-]{0,2}\d){8,13}(?!\d)|(?<!\w)0\d{2,4}[ /-]\d{3}[ -]?\d{3,5}\b"
)
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def check_dataset(dataset: Dataset) -> tuple[Check, ...]:
    """Every finding, errors first; with an error, comparing strategies makes no sense."""
    found = [finding for check in CHECKS for finding in check(dataset)]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))


def no_examples(dataset: Dataset) -> Iterator[Check]:
    if not _rows(dataset):
        message = "There is no example. Add rows with an input and its right output."
        yield Check(check="no-examples", severity="error", message=message)


def no_test_rows(dataset: Dataset) -> Iterator[Check]:
    if _rows(dataset) and not dataset.test:
        message = 'No row is left for testing. Mark rows with the split "test", or add rows.'
        yield Check(check="no-test-rows", severity="error", message=message)


def no_training_rows(dataset: Dataset) -> Iterator[Check]:
    if dataset.test and not dataset.train:
        message = "No row is for training: strategies that learn from examples cannot be prepared."
        yield Check(check="no-training-rows", severity="warning", message=message)


def single_label(dataset: Dataset) -> Iterator[Check]:
    labels = dataset.task.labels
    if dataset.task.kind == "classification" and len(labels) < 2 and _rows(dataset):
        message = (
            f"There is one label only ({', '.join(labels)}), so every answer is right. "
            "Add rows with other labels."
        )
        yield Check(check="single-label", severity="error", message=message)


def vague_instruction(dataset: Dataset) -> Iterator[Check]:
    instruction = dataset.task.instruction.strip()
    # in scripts without spaces two signs count as a word of six letters
    signs = len(_UNSPACED.findall(instruction))
    if len(instruction.split()) + signs // 2 < 4 or len(instruction) + 2 * signs < 20:
        message = (
            f"The instruction {instruction!r} does not say what to do. State what comes in, what "
            "goes out, and in which form, such as: Classify the customer's email into exactly "
            "one category."
        )
        yield Check(check="vague-instruction", severity="error", message=message)


def small_test(dataset: Dataset) -> Iterator[Check]:
    have, need = len(dataset.test), examples_needed(0.1)
    if 0 < have < need:
        points = 100 * detectable_difference(have)
        message = (
            f"With {have} test rows, only differences of about {points:.1f} points or more "
            f"can be told; for 10 points {need} test rows are needed, {need - have} more."
        )
        yield Check(check="small-test", severity="warning", message=message)


def crossing_duplicates(dataset: Dataset) -> Iterator[Check]:
    """Test rows that nearly repeat a row which strategies have seen."""
    rows = _rows(dataset)
    seen = len(dataset.train) + len(dataset.validation)
    leaked = [
        number
        for cluster in clusters([row.input for row in rows])
        if cluster[0] < seen
        for number in cluster
        if number >= seen
    ]
    if leaked:
        message = (
            f"{len(leaked)} of {len(dataset.test)} test rows nearly repeat a training or "
            "validation row, which flatters whatever remembers. Remove them, or give such rows "
            "one `group`."
        )
        yield _about("near-duplicates", "warning", message, [rows[n].id for n in sorted(leaked)])


def crossing_groups(dataset: Dataset) -> Iterator[Check]:
    seen = {row.group for row in (*dataset.train, *dataset.validation) if row.group is not None}
    crossing = [row for row in dataset.test if row.group in seen]
    if crossing:
        groups = len({row.group for row in crossing})
        message = (
            f"{groups} group{'s' * (groups > 1)} with test rows also have training or validation "
            "rows. Keep a group in one split, or leave the splits out."
        )
        yield _about("crossing-groups", "warning", message, [row.id for row in crossing])


def conflicting_labels(dataset: Dataset) -> Iterator[Check]:
    if dataset.task.kind != "classification":
        return
    rows: dict[str, list[Example]] = defaultdict(list)
    for row in _rows(dataset):
        rows[normalise(row.input)].append(row)
    torn = [same for same in rows.values() if len({row.output for row in same}) > 1]
    if torn:
        number = len(torn)  # findings name rows and quote none: they stand in published records
        message = (
            f"{number} input{'s' * (number > 1)} occur{'s' * (number == 1)} with different labels. "
            "Decide on one label each."
        )
        ids = [row.id for same in torn for row in same]
        yield _about("conflicting-labels", "warning", message, ids)


def rare_labels(dataset: Dataset) -> Iterator[Check]:
    if not dataset.train:
        return
    count = Counter(row.output for row in dataset.train)
    missing = [label for label in dataset.task.labels if not count[label]]
    rare = [label for label in dataset.task.labels if 0 < count[label] < _FEW]
    if missing:
        message = f"No training row has the label {_some(missing)}: nothing can learn it."
        yield Check(check="label-not-in-training", severity="warning", message=message)
    if rare:
        message = f"Fewer than {_FEW} training rows have the label {_some(rare)}. Label more."
        yield Check(check="few-training-rows", severity="warning", message=message)


def broken_rules(dataset: Dataset) -> Iterator[Check]:
    """Right outputs that break the task's own rules of style."""
    broken: dict[str, str] = {}
    for row in _rows(dataset):
        for rule in dataset.task.rules:
            try:
                if not judged(rule, row.output):
                    broken.setdefault(row.id, rule.name)
            except TimeoutError:  # the next rows would take as long
                message = (
                    f"The rule {rule.name!r} takes too long on a right output: write its "
                    "expression without repetitions inside repetitions."
                )
                yield _about("slow-rule", "error", message, [row.id])
                return
    if broken:
        number = len(broken)
        message = (
            f"{number} right output{'s' * (number > 1)} break{'s' * (number == 1)} a rule "
            f"({_some(sorted(set(broken.values())))}): whoever learns from them learns to break "
            "it. Change the output or the rule."
        )
        yield _about("broken-rules", "warning", message, list(broken))


def no_sources(dataset: Dataset) -> Iterator[Check]:
    if dataset.documents and not any(row.sources for row in _rows(dataset)):
        message = (
            "There are documents, but no row names its `sources`: retrieval cannot be measured. "
            "Name the documents that hold the answer."
        )
        yield Check(check="no-sources", severity="warning", message=message)


def instructions_in_documents(dataset: Dataset) -> Iterator[Check]:
    suspects = [document.id for document in dataset.documents if _INJECTIONS.search(document.text)]
    if suspects:
        number = len(suspects)
        message = (
            f"{number} document{'s' * (number > 1)} hold what looks like instructions to the "
            "model. Read them: retrieval puts such text into the prompt."
        )
        yield _about("instructions-in-documents", "warning", message, suspects)


def incumbent_without_answers(dataset: Dataset) -> Iterator[Check]:
    """Test rows that what runs today has no answer to."""
    if dataset.incumbent is None:
        return
    given = {answer.id for answer in dataset.incumbent.answers}
    missing = [row.id for row in dataset.test if row.id not in given]
    if missing:
        message = (
            f"{len(missing)} of {len(dataset.test)} test rows have no answer of the incumbent:"
            f" {_ids(missing)} They count as its errors, never as wrong answers."
        )
        yield _about("incumbent-answers-missing", "warning", message, [])


def incumbent_of_nothing(dataset: Dataset) -> Iterator[Check]:
    """Answers of what runs today to rows that are not in the data."""
    if dataset.incumbent is None or not dataset.incumbent.unknown:
        return
    unknown, source = dataset.incumbent.unknown, dataset.incumbent.source
    one = len(unknown) == 1
    what = (
        f"1 id of {source} is no example"
        if one
        else f"{len(unknown)} ids of {source} are no examples"
    )
    message = f"{what}: {_ids(unknown)} What was answered there is left out."
    yield _about("incumbent-ids-unknown", "warning", message, [])


def personal_data(dataset: Dataset) -> Iterator[Check]:
    """What looks like e-mail addresses, phone numbers and payment cards (Luhn's check)."""
    texts = [(row.id, f"{row.input}\n{row.output}") for row in _rows(dataset)]
    texts += [(document.id, document.text) for document in dataset.documents]
    finders: dict[str, Callable[[str], bool]] = {
        "e-mail addresses": lambda text: _EMAIL.search(text) is not None,
        "phone numbers": lambda text: _PHONE.search(text) is not None,
        "card numbers": lambda text: any(_luhn(card[0]) for card in _CARD.finditer(text)),
    }
    for what, finder in finders.items():
        ids = [identifier for identifier, text in texts if finder(text)]
        if ids:
            texts_hold = "1 text holds" if len(ids) == 1 else f"{len(ids)} texts hold"
            message = f"{texts_hold} what looks like {what}: may a hosted model see such data?"
            yield _about("personal-data", "info", message, ids)


CHECKS: tuple[Callable[[Dataset], Iterable[Check]], ...] = (
    no_examples,
    no_test_rows,
    single_label,
    vague_instruction,
    no_training_rows,
    small_test,
    crossing_duplicates,
    crossing_groups,
    conflicting_labels,
    rare_labels,
    broken_rules,
    no_sources,
    instructions_in_documents,
    incumbent_without_answers,
    incumbent_of_nothing,
    personal_data,
)


def _rows(dataset: Dataset) -> tuple[Example, ...]:
    return (*dataset.train, *dataset.validation, *dataset.test)


def _about(check: str, severity: str, message: str, ids: list[str]) -> Check:
    return Check.model_validate(
        {"check": check, "severity": severity, "message": message, "examples": ids[:_SHOWN]}
    )


def _ids(names: Sequence[str]) -> str:
    """`a, b, c, d, e, ...`, or `a, b.`, at the end of a sentence."""
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else ".")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + more


def _luhn(number: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    digits = [int(sign) for sign in number if sign.isdigit()]
    if len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0
