"""What is too large is refused with its field and its size, whatever it is small to send as."""

import time
import zlib
from typing import Any

import pytest
from faulty import ROWS, SPEC, fault, inline

from corpora import convert
from corpora.convert import html_to_text, pdf_to_text
from corpora.errors import InvalidInput, shorten
from corpora.files import parse_json
from corpora.invalid import did_you_mean
from corpora.reading import read_dataset

QUESTIONS = {"kind": "question-answering", "labels": None}


@pytest.mark.parametrize(
    ("spec", "row", "field", "value"),
    [
        ({}, {"input": "x" * 1_000_001}, "examples[16].input", "1,000,001 characters"),
        (QUESTIONS, {"output": "x" * 100_001}, "examples[16].output", "100,001 characters"),
        (
            QUESTIONS,
            {"alternatives": ["a", "x" * 100_001]},
            "examples[16].alternatives[1]",
            "100,001 characters",
        ),
        (QUESTIONS, {"alternatives": ["a"] * 1_001}, "examples[16].alternatives", 1_001),
        ({}, {"id": "x" * 1_001}, "examples[16].id", "1,001 characters"),
        ({}, {"group": "x" * 1_001}, "examples[16].group", "1,001 characters"),
        ({}, {"sources": ["x" * 1_001]}, "examples[16].sources[0]", "1,001 characters"),
        (
            {"documents": [{"id": "x" * 1_001, "text": "a"}]},
            {},
            "documents[0].id",
            "1,001 characters",
        ),
    ],
)
def test_a_row_that_is_too_large_names_its_size(
    spec: dict[str, Any], row: dict[str, Any], field: str, value: object
) -> None:
    error = fault(inline(spec, row))
    assert (error.field, error.value) == (field, value)
    assert "Keep" in error.fix


@pytest.mark.parametrize(
    ("spec", "field", "fix"),
    [
        ({"instruction": "x" * 100_001}, "instruction", "at most 100000 characters"),
        ({"labels": list(map(str, range(1_001)))}, "labels", "at most 1000 items"),
        ({"labels": ["a", "b", "x" * 1_001]}, "labels[2]", "at most 1000 characters"),
        ({"model": "x" * 1_001}, "model[0]", "at most 1000 characters"),
        ({"strategies": ["x"] * 1_001}, "strategies", "at most 1000 items"),
        ({"metric": "x" * 1_001}, "metric", "at most 1000 characters"),
        ({"reranker": "x" * 1_001}, "reranker", "at most 1000 characters"),
    ],
)
def test_a_spec_that_is_too_large_names_its_field(
    spec: dict[str, Any], field: str, fix: str
) -> None:
    error = fault(inline(spec))
    assert error.field == field
    assert fix in error.fix


def test_a_name_is_compared_with_few_and_short_ones() -> None:
    began = time.monotonic()
    assert did_you_mean("x" * 100_000, ["x" * 100_000] * 1_000) == ""
    assert did_you_mean("source", (f"{n}" * 40 for n in range(100_000))) == ""
    assert did_you_mean("sorce", ["x" * 100_000, "source"]) == "; did you mean 'source'"
    assert time.monotonic() - began < 2


def test_a_source_that_is_none_of_very_many_is_refused_at_once() -> None:
    documents = [{"id": f"{n:090d}", "text": "a"} for n in range(50_000)]
    rows = [{**ROWS[0], "sources": ["9" * 90]}, *ROWS[1:]]
    began = time.monotonic()
    error = fault({**SPEC, "documents": documents, "examples": rows})
    assert error.field == "examples[0].sources[0]"
    assert time.monotonic() - began < 10


def test_a_key_given_twice_among_very_many_is_found_at_once() -> None:
    keys = ", ".join(f'"{n}": 1' for n in range(100_000))
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="the key '7' is given twice"):
        parse_json(f'{{{keys}, "7": 2}}', "row")
    assert time.monotonic() - began < 2


def test_a_huge_value_is_shown_short() -> None:
    assert shorten("x" * 10**7) == "'" + "x" * 78 + "…"
    assert shorten("it's") == '"it\'s"'


def test_a_page_too_deep_is_refused_before_it_is_read_whole() -> None:
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="more than 5,000 deep") as caught:
        html_to_text(b"<div>" * 1_000_000, "page.html")
    assert (caught.value.field, caught.value.value) == ("page.html", "<div>")
    assert time.monotonic() - began < 10
    assert html_to_text(b"<p>word" * 1_000, "page.html").count("word") == 1_000


def pdf(*pages: bytes) -> bytes:
    """A PDF of pages with these drawing commands, each compressed."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * n) for n in range(len(pages)))
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        font,
    ]
    for number, drawn in enumerate(pages):
        packed = zlib.compress(drawn, 9)
        parts.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents %d 0 R"
            b" /Resources << /Font << /F 3 0 R >> >> >>" % (5 + 2 * number)
        )
        head = b"<< /Length %d /Filter /FlateDecode >>" % len(packed)
        parts.append(head + b"\nstream\n" + packed + b"\nendstream")
    file, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    size = len(parts) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    return file + head + table + end % (size, len(file))


def says(text: bytes) -> bytes:
    return b"BT /F 12 Tf 10 100 Td (%s) Tj ET\n" % text


def test_a_pdf_is_read_page_by_page() -> None:
    assert pdf_to_text(pdf(says(b"one"), b"", says(b"two")), "a.pdf") == "one\n\ntwo"


def test_a_page_that_unpacks_to_too_much_is_refused_before_it_is_read() -> None:
    bomb = pdf(says(b"one"), b"q Q\n" * 3_000_000)
    assert len(bomb) < 50_000
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="Unpacked, a page may take") as caught:
        pdf_to_text(bomb, "a.pdf")
    assert (caught.value.field, caught.value.value) == ("a.pdf", "page 2")
    assert time.monotonic() - began < 10


def test_a_pdf_that_says_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "MAX_CHARACTERS", 50)
    with pytest.raises(InvalidInput, match="under 50 characters"):
        pdf_to_text(pdf(*[says(b"a page of text")] * 10), "a.pdf")


def test_a_pdf_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "PDF_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="takes over 0 s") as caught:
        pdf_to_text(pdf(*[says(b"a") * 20_000] * 50), "a.pdf")
    assert caught.value.value in [f"page {number}" for number in range(1, 50)]
    assert time.monotonic() - began < 15


def test_a_task_of_the_largest_sizes_is_read() -> None:
    rows = [{**row, "input": f"{row['input']} " + "x" * 990_000} for row in ROWS[:3]]
    dataset = read_dataset({**SPEC, "examples": rows + ROWS[3:]})
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 20
