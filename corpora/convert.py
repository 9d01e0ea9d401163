"""HTML pages and PDF files to plain text with headings as `# ` lines."""

from __future__ import annotations

import io
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from corpora.errors import InvalidInput

MAX_CHARACTERS = 5_000_000
"""Of one document's text: about 1,500 pages."""
MAX_PAGES = 3_000
MAX_PAGE_BYTES = 10 * 2**20
"""What draws one page, unpacked; a page of text takes some kilobytes."""
MAX_DEPTH = 5_000
"""Elements within each other; where paragraphs are never closed, each lies in the one before."""
PDF_SECONDS = 120.0
"""For one file; a page of text takes some hundredths of a second."""
_DROPPED = (
    *("script", "style", "noscript", "template", "head", "title"),
    *("svg", "iframe", "object"),
)
_BLOCKS = (
    *("p", "div", "section", "article", "main", "aside", "header", "footer", "nav", "address"),
    *("ul", "ol", "dl", "table", "blockquote", "pre", "figure", "form", "fieldset", "details"),
)
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_KEPT = ("pre", "li", "td", "th")
_MARKS = {
    **{"br": "\n", "li": "\n- ", "tr": "\n", "dt": "\n", "dd": "\n"},
    **{"summary": "\n", "figcaption": "\n", "caption": "\n", "option": "\n"},
}
_SPACE = re.compile(r"\s+")


def html_to_text(content: bytes, shown: str) -> str:
    """The readable text of a page: headings, paragraphs, lists, and table rows with `|`.

    Where a page has no heading its <title> becomes the first one.
    """
    from bs4 import BeautifulSoup  # slow to import, and few tasks have pages

    class Page(BeautifulSoup):
        """One that is not read on where it is too deep: reading takes the square of its depth."""

        def pushTag(self, tag: Any) -> None:
            super().pushTag(tag)
            if len(self.tagStack) > MAX_DEPTH:
                fix = f"Its elements lie more than {MAX_DEPTH:,} deep in each other: flatten it."
                raise InvalidInput(shown, f"<{tag.name}>", fix)

    try:
        soup = Page(_decode(content, shown), "html.parser")
        title = soup.title.get_text(" ", strip=True) if soup.title else ""
        has_heading = soup.find(_HEADINGS) is not None
        text = _lay_out(soup)
    except RecursionError:
        raise InvalidInput(shown, "…", "The page is nested too deeply: flatten it.") from None
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return f"# {title}\n\n{text}" if text and title and not has_heading else text


def pdf_to_text(content: bytes, shown: str) -> str:
    """The text of a PDF's pages, in their order; raises InvalidInput where there is none.

    A file of some kilobytes can unpack to gigabytes, or draw one page from itself over and over:
    pages are read one by one, within MAX_PAGE_BYTES each and PDF_SECONDS together.
    """
    from pypdf import PdfReader  # slow to import, and few tasks have PDFs

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InvalidInput(shown, "encrypted", "It needs a password: save it without one.")
        if len(reader.pages) > MAX_PAGES:
            raise InvalidInput(shown, f"{len(reader.pages)} pages", f"Keep to {MAX_PAGES:,}.")
        pages = list(_pages(reader, shown))
    except InvalidInput:
        raise
    except Exception as error:  # a broken PDF makes pypdf raise errors of any kind
        fix = f"The PDF cannot be read ({type(error).__name__}): save it anew, or as text."
        raise InvalidInput(shown, str(error), fix) from error
    text = "\n\n".join(page.strip() for page in pages if page.strip()).replace("\0", "")
    if not text:
        fix = "The PDF holds no text: run text recognition on its scanned pages first."
        raise InvalidInput(shown, f"{len(pages)} pages", fix)
    return text


def _pages(reader: Any, shown: str) -> Iterator[str]:
    """The text of each page; raises InvalidInput where one or all are too much."""
    latest = time.monotonic() + PDF_SECONDS

    def in_time(*_: object) -> None:
        """Called before every drawing command."""
        if time.monotonic() > latest:
            fix = f"Reading it takes over {PDF_SECONDS:.0f} s: cut it into parts, or save its text."
            raise InvalidInput(shown, f"page {number}", fix)

    characters = 0
    for number, page in enumerate(reader.pages, start=1):
        drawn = page.get_contents()
        if drawn is not None and len(drawn.get_data()) > MAX_PAGE_BYTES:
            fix = f"Unpacked, a page may take {MAX_PAGE_BYTES:,} bytes: save its text."
            raise InvalidInput(shown, f"page {number}", fix)
        in_time()
        text: str = page.extract_text(visitor_operand_before=in_time)
        characters += len(text)
        if characters > MAX_CHARACTERS:
            fix = f"Cut it into documents of under {MAX_CHARACTERS:,} characters."
            raise InvalidInput(shown, f"over {characters:,} characters", fix)
        yield text


def _decode(content: bytes, shown: str) -> str:
    """By UTF-8, else by the encoding the page itself names."""
    from bs4.dammit import EncodingDetector

    named = EncodingDetector.find_declared_encoding(content, is_html=True)
    for encoding in ("utf-8-sig", named):
        try:
            if encoding:
                return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    raise InvalidInput(shown, content[:20], "It is not UTF-8: save the page with that encoding.")


def _lay_out(soup: Any) -> str:
    """The text in one walk over the tree, however deep: blocks apart, items and rows on lines."""
    from bs4.element import NavigableString, Tag

    out: list[str] = []
    inside: Counter[str] = Counter()
    first_cell = True
    waiting: list[tuple[Any, bool]] = [(soup, False)]
    while waiting:
        node, leaving = waiting.pop()
        name = node.name if isinstance(node, Tag) else ""
        # A paragraph inside an item or a cell stays on that item's line.
        own_line = name in ("p", "div") and inside.total() > inside["pre"]
        block = "\n\n" if name in _BLOCKS and not own_line else ""
        if leaving:
            out.append(block)
            inside[name] -= name in _KEPT
        elif type(node) is NavigableString:  # not a comment or a doctype
            text = node.replace("\xa0", " ")
            out.append(text.replace(" ", "\xa0") if inside["pre"] else _SPACE.sub(" ", text))
        elif name in _HEADINGS:
            heading = node.get_text(" ", strip=True)
            out.append(f"\n\n{'#' * int(name[1])} {_SPACE.sub(' ', heading)}\n\n")
        elif name and name not in _DROPPED:
            mark = _MARKS.get(name, "")
            if name in ("td", "th"):
                mark = "" if first_cell else " | "
            first_cell = name == "tr" or (first_cell and name not in ("td", "th"))
            out.append(block + mark)
            inside[name] += name in _KEPT
            waiting.append((node, True))
            waiting.extend((child, False) for child in reversed(node.contents))
    lines = "".join(out).split("\n")
    # Inside <pre> spaces were kept as no-break spaces, which strip(" ") leaves alone.
    return "\n".join(line.strip(" \t") for line in lines).replace("\xa0", " ")
