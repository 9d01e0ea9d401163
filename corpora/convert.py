"""HTML pages and PDF files to plain text with headings as `# ` lines."""

from __future__ import annotations

import io
import re
from typing import Any

from corpora.errors import InvalidInput

MAX_PAGES = 3_000
_DROPPED = ("script", "style", "noscript", "template", "head", "svg", "iframe", "object")
_BLOCKS = (
    *("p", "div", "section", "article", "main", "aside", "header", "footer", "nav", "address"),
    *("ul", "ol", "dl", "table", "blockquote", "pre", "figure", "form", "fieldset", "details"),
)
_LINES = ("tr", "dt", "dd", "summary", "figcaption", "caption", "option")


def html_to_text(content: bytes, shown: str) -> str:
    """The readable text of a page: headings, paragraphs, lists, and table rows with `|`.

    Where a page has no heading its <title> becomes the first one.
    """
    from bs4 import BeautifulSoup  # slow to import, and few tasks have pages

    try:
        soup = BeautifulSoup(_decode(content, shown), "html.parser")
        title = soup.title.get_text(" ", strip=True) if soup.title else ""
        for tag in soup(list(_DROPPED)):
            tag.decompose()
        has_heading = soup.find(re.compile(r"^h[1-6]$")) is not None
        _mark_up(soup)
        text = soup.get_text()
    except RecursionError:
        raise InvalidInput(shown, "…", "The page is nested too deeply: flatten it.") from None
    lines = [line.strip() for line in text.replace("\xa0", " ").split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return f"# {title}\n\n{text}" if text and title and not has_heading else text


def pdf_to_text(content: bytes, shown: str) -> str:
    """The text of a PDF's pages, in their order; raises InvalidInput where there is none."""
    from pypdf import PdfReader  # slow to import, and few tasks have PDFs

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InvalidInput(shown, "encrypted", "It needs a password: save it without one.")
        if len(reader.pages) > MAX_PAGES:
            raise InvalidInput(shown, f"{len(reader.pages)} pages", f"Keep to {MAX_PAGES:,}.")
        pages = [page.extract_text() for page in reader.pages]
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


def _mark_up(soup: Any) -> None:
    """Put line ends around blocks and marks before headings and items, in place."""
    for string in soup.find_all(string=True):
        if string.parent.name != "pre" and not string.find_parent("pre"):
            string.replace_with(re.sub(r"\s+", " ", string))
    for level in range(1, 7):
        for tag in soup(f"h{level}"):
            heading = tag.get_text(" ", strip=True)
            tag.string = f"\n\n{'#' * level} {heading}\n\n" if heading else ""
    for tag in soup("br"):
        tag.replace_with("\n")
    for tag in soup("li"):
        tag.insert_before("\n- ")
        tag.insert_after("\n")
    for tag in soup(["td", "th"]):
        if tag.find_next_sibling(["td", "th"]):
            tag.insert_after(" | ")
    for tag in soup(list(_LINES)):
        tag.insert_before("\n")
        tag.insert_after("\n")
    for tag in soup(list(_BLOCKS)):
        # A paragraph inside an item or a cell stays on that item's line.
        if tag.name not in ("p", "div") or not tag.find_parent(["li", "td", "th"]):
            tag.insert_before("\n\n")
            tag.insert_after("\n\n")
