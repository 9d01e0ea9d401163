"""Documents from a folder of files, from one file, from JSONL or given inline."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from corpora.convert import MAX_CHARACTERS, html_to_text, pdf_to_text
from corpora.errors import InvalidInput
from corpora.files import confine, read_bytes, read_text
from corpora.invalid import validated
from corpora.rows import Row, read_rows
from corpora.task import Document

MAX_DOCUMENTS = 100_000
MAX_FILE_BYTES = 50 * 2**20
MAX_TOTAL_CHARACTERS = 500_000_000
MAX_ID = 1_000
"""Characters of an id or a title."""

SUFFIXES = (".md", ".txt", ".html", ".htm", ".pdf")
_UNREADABLE = (
    *(".doc", ".docx", ".odt", ".rtf", ".epub"),
    *(".ppt", ".pptx", ".odp", ".xls", ".xlsx", ".ods"),
)
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.*)$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")


def read_documents(path: Path) -> tuple[Document, ...]:
    """The documents of a folder (in the order of their ids), of a .jsonl file, or one file.

    In a folder a document's id is its path without the suffix ("guides/returns"), its title its
    first heading, else the file's name. Hidden files and other kinds of files are passed over,
    but office files are refused, since somebody will expect them to be read.
    """
    if path.is_dir():
        return _checked(sorted(_from_folder(path), key=lambda document: document.id), path.name)
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return documents_from(read_rows(path, path.name, {}), path.name)
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return _checked([_from_file(path, path.name)], path.name)
    fix = f"Give a folder of {' '.join(SUFFIXES)} files, or a .jsonl file."
    raise InvalidInput("documents", path.name, fix)


def documents_from(rows: Sequence[Row], name: str) -> tuple[Document, ...]:
    """Documents from rows with an id, a text and perhaps a title; ids must differ."""
    documents = []
    places: dict[str, str] = {}
    for row in rows:
        document = validated(Document, row.values, place=row.place)
        if not document.text.strip() or not document.id.strip():
            field = "id" if document.text.strip() else "text"
            raise InvalidInput(row.place + field, document.text[:20], "It must not be blank.")
        for field, text in (("id", document.id), ("title", document.title or "")):
            if len(text) > MAX_ID:
                fix = f"Keep it under {MAX_ID:,} characters."
                raise InvalidInput(row.place + field, f"{len(text):,} characters", fix)
        if document.id in places:
            fix = f"The same id is at {places[document.id].rstrip(' :.')}: give each its own."
            raise InvalidInput(row.place + "id", document.id, fix)
        places[document.id] = row.place
        documents.append(document)
    return _checked(documents, name)


def headings(text: str) -> list[tuple[int, int, str]]:
    """The headings of a text as (line number from 0, level, title); none inside a code block."""
    found = []
    fence = None
    for number, line in enumerate(text.split("\n")):
        mark = _FENCE.match(line)
        if mark and (fence is None or fence == mark[1]):
            fence = mark[1] if fence is None else None
        heading = _HEADING.match(line) if fence is None else None
        if heading and heading[2].strip(" \t#"):
            found.append((number, len(heading[1]), heading[2].rstrip(" \t#")))
    return found


def _from_folder(folder: Path) -> Iterable[Document]:
    first: dict[str, str] = {}
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for link in folders:
            confine(Path(parent) / link, folder, "documents", link)
        for name in sorted(names):
            path = Path(parent) / name
            relative = path.relative_to(folder)
            shown = f"{folder.name}/{relative.as_posix()}"
            suffix = path.suffix.lower()
            if name.startswith(".") or suffix not in (*SUFFIXES, *_UNREADABLE):
                continue
            confine(path, folder, shown, name)
            if suffix in _UNREADABLE:
                fix = f"Save it as one of {' '.join(SUFFIXES)}, or move it out of the folder."
                raise InvalidInput(shown, suffix, fix)
            document = _from_file(path, shown, relative.with_suffix("").as_posix())
            if document.id in first:
                fix = f"{first[document.id]} has the same name: rename one."
                raise InvalidInput(shown, document.id, fix)
            first[document.id] = shown
            yield document


def _from_file(path: Path, shown: str, identifier: str | None = None) -> Document:
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        text = pdf_to_text(read_bytes(path, shown, MAX_FILE_BYTES), shown)
    elif suffix in (".html", ".htm"):
        text = html_to_text(read_bytes(path, shown, MAX_FILE_BYTES), shown)
    else:
        text = read_text(path, shown, MAX_FILE_BYTES)
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if "\0" in text or not text:
        fix = "No text was found in it: scanned pages need text recognition first."
        raise InvalidInput(shown, text[:20], fix)
    found = headings(text)
    title = found[0][2] if found else path.stem
    return Document(id=identifier or path.stem, text=text, title=title)


def _checked(documents: Sequence[Document], name: str) -> tuple[Document, ...]:
    """Refuse none, too many, and texts that are too long."""
    if not documents:
        fix = f"It holds no document: add {' '.join(SUFFIXES)} files or rows."
        raise InvalidInput("documents", name, fix)
    if len(documents) > MAX_DOCUMENTS:
        raise InvalidInput("documents", len(documents), f"Keep them under {MAX_DOCUMENTS:,}.")
    total = 0
    for document in documents:
        total += len(document.text)
        if len(document.text) > MAX_CHARACTERS:
            fix = f"Cut it into documents of under {MAX_CHARACTERS:,} characters."
            raise InvalidInput(f"documents: {document.id}", f"{len(document.text):,}", fix)
    if total > MAX_TOTAL_CHARACTERS:
        fix = f"Keep all documents together under {MAX_TOTAL_CHARACTERS:,} characters."
        raise InvalidInput("documents", f"{total:,} characters", fix)
    return tuple(documents)
