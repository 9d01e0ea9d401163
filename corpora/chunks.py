"""Documents cut into passages along their headings, paragraphs, sentences and words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from corpora.documents import headings
from corpora.errors import InvalidInput
from corpora.task import Document

Count = Callable[[str], int]
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_LISTED = re.compile(r"^\s*([|>*+-]|\d+[.)]|```|~~~)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"')\]])\s+|(?<=[。！？])")
_TINY = 4
"""Sections of up to 1/4 of the size count as tiny."""


@dataclass(frozen=True)
class Chunk:
    """A passage. `document` is the document's id, `title` the document's title."""

    document: str
    text: str
    title: str | None


@dataclass(frozen=True)
class _Section:
    """The paragraphs under one heading; `path` holds the titles down to it."""

    path: tuple[str, ...]
    blocks: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    """Part of a section, its length in tokens, and what joins it to the piece before."""

    text: str
    tokens: int
    joint: str


def chunk_documents(
    documents: Sequence[Document], *, size: int, overlap: int = 0, count_tokens: Count
) -> list[Chunk]:
    """Passages of at most `size` tokens, in the order of the documents.

    A document within the size stays whole. A longer one is cut between its sections, which
    begin with the path of their headings ("Warranty > Batteries"); tiny sections of one parent
    share a passage. A section is cut between paragraphs, a paragraph between sentences (a list
    or table between lines), a sentence between words. `overlap` repeats whole last sentences,
    of at most so many tokens, at the start of the section's next passage.

    Lengths are added up from parts that are counted once each, so a tokenizer that merges
    across parts may count a few tokens differently.
    """
    if size < 1:
        raise InvalidInput("size", size, "Give a number of tokens, 1 or more.")
    if not 0 <= overlap <= size // 2:
        raise InvalidInput("overlap", overlap, f"Give 0 to {size // 2} tokens, half the size.")
    cutter = _Cutter(size, overlap, count_tokens)
    return [
        Chunk(document.id, text, document.title)
        for document in documents
        for text in cutter.cut(document.text)
    ]


class _Cutter:
    def __init__(self, size: int, overlap: int, count: Count) -> None:
        self.size, self.overlap, self.count = size, overlap, count
        self.joint = count("\n\n")

    def cut(self, text: str) -> Iterator[str]:
        """The passages of one document."""
        if self.count(text) <= self.size:
            yield text
            return
        sections = _sections(text) or [_Section((), (text,))]
        for group in self._groups(sections):
            if len(group) > 1:
                yield "\n\n".join(_whole(section) for section in group)
            else:
                yield from self._cut_section(group[0])

    def _groups(self, sections: Sequence[_Section]) -> Iterator[list[_Section]]:
        """Neighbours below one parent that are tiny, together as far as the size allows."""
        group: list[_Section] = []
        room = 0
        for section in sections:
            tokens = self.count(_whole(section))
            tiny = tokens <= self.size // _TINY
            sibling = bool(group) and bool(section.path) and group[0].path[:-1] == section.path[:-1]
            if tiny and sibling and tokens + self.joint <= room:
                group.append(section)
                room -= tokens + self.joint
                continue
            if group:
                yield group
            group, room = [section], self.size - tokens if tiny else 0
        if group:
            yield group

    def _cut_section(self, section: _Section) -> Iterator[str]:
        prefix = self._prefix(section.path)
        budget = self.size - (self.count(prefix) + self.joint if prefix else 0)
        head = f"{prefix}\n\n" if prefix else ""
        limit = max(1, budget - self.overlap)
        packed: list[_Piece] = []
        length = 0
        for piece in self._pieces(section.blocks, limit):
            extra = piece.tokens + (self.joint if packed and piece.joint == "\n\n" else 0)
            if packed and length + extra > budget:
                body = _joined(packed)
                yield head + body
                packed = self._tail(body) if self.overlap else []
                length = sum(part.tokens for part in packed)
                extra = piece.tokens + (self.joint if packed and piece.joint == "\n\n" else 0)
                if packed and length + extra > budget:
                    packed, length = [], 0
            packed.append(piece)
            length += extra
        if packed:
            yield head + _joined(packed)

    def _prefix(self, path: tuple[str, ...]) -> str:
        """The path of headings, or its end, or nothing: at most half of the size."""
        for start in range(len(path)):
            prefix = " > ".join(path[start:])
            if self.count(prefix) + self.joint <= self.size // 2:
                return prefix
        return ""

    def _pieces(self, blocks: Sequence[str], limit: int) -> Iterator[_Piece]:
        for block in blocks:
            tokens = self.count(block)
            if tokens <= limit:
                yield _Piece(block, tokens, "\n\n")
            elif _LISTED.match(block) and "\n" in block:
                yield from self._parts(block.split("\n"), "\n", limit)
            else:
                yield from self._parts(_sentences(block), " ", limit)

    def _parts(self, parts: Sequence[str], joint: str, limit: int) -> Iterator[_Piece]:
        """Lines or sentences; what is longer than the limit is cut between words."""
        between = "\n\n"
        for part in parts:
            tokens = self.count(part)
            if tokens <= limit:
                yield _Piece(part, tokens, between)
            else:
                for number, word in enumerate(part.split()):
                    yield from self._word(word, " " if number else between, limit)
            between = joint

    def _word(self, word: str, joint: str, limit: int) -> Iterator[_Piece]:
        """A word, halved until it fits (a text without spaces is one word)."""
        tokens = self.count(word)
        if tokens <= limit or len(word) == 1:
            yield _Piece(word, tokens, joint)
        else:
            middle = len(word) // 2
            yield from self._word(word[:middle], joint, limit)
            yield from self._word(word[middle:], "", limit)

    def _tail(self, body: str) -> list[_Piece]:
        """The last whole sentences of a passage, as far as the overlap allows."""
        kept: list[_Piece] = []
        room = self.overlap
        # A sentence has one token or more, so that only the end of the passage matters.
        for sentence in reversed(_sentences(body)):
            tokens = self.count(sentence)
            if tokens > room:
                break
            kept.append(_Piece(sentence, tokens, " "))
            room -= tokens
        return kept[::-1]


def _sections(text: str) -> list[_Section]:
    """The sections that have text of their own, in order."""
    lines = text.split("\n")
    found = headings(text)
    path: list[tuple[int, str]] = []
    sections = []
    starts = [-1, *(number for number, _, _ in found)]
    ends = [*starts[1:], len(lines)]
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if place:
            _, level, title = found[place - 1]
            path = [(depth, name) for depth, name in path if depth < level] + [(level, title)]
        blocks = _blocks(lines[start + 1 : end])
        if blocks:
            sections.append(_Section(tuple(name for _, name in path), blocks))
    return sections


def _blocks(lines: Sequence[str]) -> tuple[str, ...]:
    """Paragraphs between blank lines; a fenced code block stays one."""
    blocks: list[list[str]] = [[]]
    fence = None
    for line in lines:
        mark = _FENCE.match(line)
        if mark and (fence is None or fence == mark[1]):
            fence = mark[1] if fence is None else None
        if line.strip() or fence:
            blocks[-1].append(line.rstrip())
        elif blocks[-1]:
            blocks.append([])
    return tuple("\n".join(block) for block in blocks if block)


def _whole(section: _Section) -> str:
    body = "\n\n".join(section.blocks)
    return f"{' > '.join(section.path)}\n\n{body}" if section.path else body


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE_END.split(text) if part and part.strip()]


def _joined(pieces: Sequence[_Piece]) -> str:
    first, *others = pieces
    return first.text + "".join(piece.joint + piece.text for piece in others)
