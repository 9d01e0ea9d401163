"""Documents: named as sources, repeated, giving orders, or holding the test itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from corpora.checks.material import Material, about, several
from corpora.similarity import normalise
from corpora.task import Check, Example

_INJECTIONS = re.compile(
    r"\b(ignore|disregard|forget|override)\b[^.\n]{0,30}\b(previous|prior|above|earlier|all|any|your)"
    r"\b[^.\n]{0,30}\b(instructions?|prompts?|rules|directions)\b"
    r"|\b(reveal|print|repeat|show)\b[^.\n]{0,20}\bsystem prompt\b"
    r"|\byou are now (an?|the) (ai|assistant|model|chatbot|system)\b"
    r"|<\|(im_start|im_end|system|endoftext)\|>|\[/?INST\]|<</?SYS>>",
    re.IGNORECASE,
)
_ENDING = 5
"""Last words of an input by which it is looked for in documents."""
_REACH = 50
"""Words after a question within which its answer counts as written to it."""

Wanted = Mapping[tuple[str, ...], Sequence[tuple[Example, list[str]]]]


def no_sources(material: Material) -> Iterator[Check]:
    if material.dataset.documents and not any(row.sources for row in material.rows):
        message = (
            "There are documents, but no row names its `sources`: retrieval cannot be measured. "
            "Name the documents that hold the answer."
        )
        yield about("no-sources", "warning", message)


def wrong_sources(material: Material) -> Iterator[Check]:
    """Sources that are no documents, or that stand beside an answer that there is none."""
    known = {document.id for document in material.dataset.documents}
    lost = [row.id for row in material.rows if row.sources and not known.issuperset(row.sources)]
    if lost:
        message = (
            f"{several(len(lost), 'row names', 'rows name')} a source that is no document's id. "
            "Correct the `sources`, or add the documents."
        )
        yield about("unknown-sources", "error", message, lost)
    nothing = material.dataset.task.no_answer
    torn = [row.id for row in material.rows if row.sources and row.output == nothing]
    if torn:
        message = (
            f"{several(len(torn), 'row says', 'rows say')} that no document holds the answer, and "
            "name a source all the same. Correct the output, or leave `sources` empty."
        )
        yield about("sources-of-no-answer", "error", message, torn)


def repeated_documents(material: Material) -> Iterator[Check]:
    first: dict[int, str] = {}
    copies = []
    for document in material.dataset.documents:
        key = hash(" ".join(f"{document.title} {document.text}".split()).casefold())
        if first.setdefault(key, document.id) != document.id:
            copies.append(document.id)
    if copies:
        message = (
            f"{several(len(copies), 'document repeats', 'documents repeat')} an earlier one word "
            "for word: a copy takes the place of another passage, and to find it counts as a "
            "miss where `sources` names the other. Keep one of each."
        )
        yield about("repeated-documents", "warning", message, copies)


def instructions_in_documents(material: Material) -> Iterator[Check]:
    suspects = [doc.id for doc in material.dataset.documents if _INJECTIONS.search(doc.text)]
    if suspects:
        number = len(suspects)
        message = (
            f"{number} document{'s' * (number > 1)} hold what looks like instructions to the "
            "model. Read them: retrieval puts such text into the prompt."
        )
        yield about("instructions-in-documents", "warning", message, suspects)


def rows_in_documents(material: Material) -> Iterator[Check]:
    """Test rows whose input stands in a document, soon followed by the right output.

    That a document holds the answer is what documents are for; that it holds the question with
    it is so in a list of questions and answers only, and then users must ask in those words.
    """
    wanted: dict[tuple[str, ...], list[tuple[Example, list[str]]]] = defaultdict(list)
    for row in material.dataset.test:
        words = normalise(row.input).split()
        if len(words) >= _ENDING:
            wanted[tuple(words[-_ENDING:])].append((row, words))
    if not wanted or not material.dataset.documents:
        return
    held: dict[str, None] = {}
    for document in material.dataset.documents:
        held.update(dict.fromkeys(_held(normalise(document.text).split(), wanted)))
    if held:
        ids = [row.id for row in material.dataset.test if row.id in held]
        message = (
            f"{len(held)} of {len(material.dataset.test)} test rows stand in the documents, the "
            "input followed by its output: retrieval reads off what no new request finds. Take "
            "them out of the documents, unless your users ask in the same words."
        )
        is_faq = material.dataset.task.kind == "question-answering"
        yield about("test-in-documents", "info" if is_faq else "warning", message, ids)


def _held(words: list[str], wanted: Wanted) -> Iterator[str]:
    """The ids of the rows that stand in a document of these words."""
    endings = zip(*(words[shift:] for shift in range(_ENDING)), strict=False)
    for place, ending in enumerate(endings):
        for row, own in wanted.get(ending, ()):
            end = place + _ENDING
            if words[max(0, end - len(own)) : end] == own:
                answer = normalise(row.output)
                after = words[end : end + _REACH + answer.count(" ")]
                if f" {answer} " in f" {' '.join(after)} ":
                    yield row.id
