"""Documents out of Markdown, text, HTML and PDF files, and what is refused."""

from pathlib import Path

import pytest

from corpora import documents as module
from corpora.documents import headings, read_documents
from corpora.errors import InvalidInput

HTML = """<!doctype html><html><head><title>Site</title><style>p {}</style></head><body>
<script>alert(1)</script><h1>Returns &amp; <em>refunds</em></h1>
<p>Send it back within
   <b>30 days</b>.<br>Keep the box.</p><h2>Fees</h2>
<ul><li>Small: 3&nbsp;euros</li><li><p>Large: 9 euros</p></li></ul>
<table><tr><th>Part</th><th>Price</th></tr><tr><td>Bell</td><td>4</td></tr></table>
<pre>line one
  line two</pre></body></html>"""


def pdf(text: str | None, pages: int = 1) -> bytes:
    """A PDF with the same line on every page, or with empty pages."""
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode() if text else b""
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(pages))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode())
    for n in range(pages):
        font = "<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents {4 + 2 * n} 0 R"
        objects.append(f"{page} /Resources << /Font {font} >> >>".encode())
        head = f"<< /Length {len(stream)} >>\nstream\n".encode()
        objects.append(head + stream + b"\nendstream")
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return body + end.encode() + f"startxref\n{len(body)}\n%%EOF\n".encode()


def fault(path: Path) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_documents(path)
    return caught.value


def test_a_folder_of_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "b" / ".hidden").mkdir(parents=True)
    (tmp_path / "b" / ".hidden" / "x.md").write_text("not read")
    (tmp_path / "b" / "guide.md").write_text("Intro.\r\n\r\n## How to ride ##\r\n\r\nSlowly.")
    (tmp_path / "b" / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfPlain words.")
    (tmp_path / "site.html").write_text(HTML)
    (tmp_path / "sheet.PDF").write_bytes(pdf("Torque 40 Nm", pages=2))
    found = read_documents(tmp_path)
    assert [(one.id, one.title) for one in found] == [
        ("a", "a"),
        ("b/guide", "How to ride"),
        ("sheet", "sheet"),
        ("site", "Returns & refunds"),
    ]
    assert found[0].text == "Plain words."
    assert found[1].text == "Intro.\n\n## How to ride ##\n\nSlowly."
    assert found[2].text == "Torque 40 Nm\n\nTorque 40 Nm"
    assert found[3].text == (
        "# Returns & refunds\n\nSend it back within 30 days.\nKeep the box.\n\n## Fees\n\n"
        "- Small: 3 euros\n- Large: 9 euros\n\nPart | Price\nBell | 4\n\nline one\n  line two"
    )


def test_the_title_of_a_page_without_headings(tmp_path: Path) -> None:
    page = "<title>Opening hours</title><p>Caf\xe9: 9 to 5</p>"
    path = tmp_path / "hours.htm"
    path.write_bytes(b'<meta charset="latin-1">' + page.encode("latin-1"))
    assert read_documents(path)[0].text == "# Opening hours\n\nCaf\xe9: 9 to 5"
    path.write_bytes(page.encode("latin-1"))
    assert "UTF-8" in fault(path).fix


@pytest.mark.parametrize(
    ("name", "content", "fix"),
    [
        ("a.pdf", b"", "empty"),
        ("a.pdf", b"%PDF-1.4 broken", "cannot be read"),
        ("a.pdf", pdf("Torque")[:200], "cannot be read"),
        ("a.pdf", pdf(None), "no text"),
        ("a.md", b"", "empty"),
        ("a.txt", b" \n", "empty"),
        ("a.txt", b"caf\xe9", "UTF-8"),
        ("a.md", b"a\0b", "NUL"),
        ("a.html", b"<img src='x.png'>", "No text"),
        ("a.docx", b"PK", "Save it as one of"),
    ],
)
def test_unreadable_files_are_named(tmp_path: Path, name: str, content: bytes, fix: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / name).write_bytes(content)
    error = fault(tmp_path / "docs")
    assert error.field.startswith(f"docs/{name}")
    assert fix in error.fix


def test_a_page_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<div>" * 3000 + "x")
    assert read_documents(tmp_path)[0].text == "x"


def test_what_is_no_collection_of_documents(tmp_path: Path) -> None:
    assert "no document" in fault(tmp_path).fix
    (tmp_path / "a.md").write_text("one")
    (tmp_path / "a.txt").write_text("two")
    assert "rename" in fault(tmp_path).fix
    (tmp_path / "rows.jsonl").write_text('{"id": "d", "text": "x", "titel": "y"}')
    error = fault(tmp_path / "rows.jsonl")
    assert error.field == "rows.jsonl line 1: titel"
    assert "'title'" in error.fix


def test_sizes_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_text("word " * 10)
    (tmp_path / "b.md").write_text("word " * 10)
    for limit in ("MAX_DOCUMENTS", "MAX_FILE_BYTES", "MAX_CHARACTERS", "MAX_TOTAL_CHARACTERS"):
        with monkeypatch.context() as small:
            small.setattr(module, limit, 1)
            assert "under" in fault(tmp_path).fix


def test_headings_outside_code() -> None:
    text = "# One\n```\n# no heading\n```\n### Two ##\n#hashtag\n####### seven\n# #\n## C# and F#"
    assert headings(text) == [(0, 1, "One"), (4, 3, "Two"), (8, 2, "C# and F")]
