"""Passages keep to sections, paragraphs and sentences, and to their size in tokens."""

import re

import pytest

from corpora.chunks import Chunk, chunk_documents
from corpora.errors import InvalidInput
from corpora.task import Document


def count(text: str) -> int:
    return len(text.split())


def cut(text: str, size: int, overlap: int = 0) -> list[str]:
    document = Document(id="d", text=text, title="T")
    chunks = chunk_documents([document], size=size, overlap=overlap, count_tokens=count)
    assert all(chunk.document == "d" and chunk.title == "T" for chunk in chunks)
    assert all(count(chunk.text) <= size for chunk in chunks)
    return [chunk.text for chunk in chunks]


def words(n: int, of: str = "w") -> str:
    return " ".join(f"{of}{number}" for number in range(n))


def test_a_small_document_stays_whole() -> None:
    text = "# A\n\none\n\n# B\n\ntwo"
    document = Document(id="d", text=text)
    assert chunk_documents([document], size=6, count_tokens=count) == [Chunk("d", text, None)]


def test_sections_are_not_mixed_and_keep_their_path() -> None:
    text = f"# Guide\n\nHello.\n\n## Brakes\n\n{words(8, 'b')}\n\n### Pads\n\n{words(8, 'p')}"
    assert cut(text, 16) == [
        "Guide\n\nHello.",
        f"Guide > Brakes\n\n{words(8, 'b')}",
        f"Guide > Brakes > Pads\n\n{words(8, 'p')}",
    ]


def test_tiny_siblings_share_a_passage() -> None:
    text = f"# A\n\none.\n\n# B\n\ntwo.\n\n# C\n\nthree.\n\n# D\n\n{words(10)}"
    assert cut(text, 12) == ["A\n\none.\n\nB\n\ntwo.\n\nC\n\nthree.", f"D\n\n{words(10)}"]
    cousins = "# A\n\n## A1\n\none.\n\n# B\n\n## B1\n\ntwo.\n\n" + words(10)
    assert cut(cousins, 14)[0] == "A > A1\n\none."


def test_paragraphs_then_sentences_then_words() -> None:
    text = f"One two.\n\nThree four.\n\nFive {words(4)}. Six {words(3)}!\n\n{words(12)}"
    assert cut(text, 6) == [
        "One two.\n\nThree four.",
        f"Five {words(4)}.",
        f"Six {words(3)}!\n\nw0 w1",
        "w2 w3 w4 w5 w6 w7",
        "w8 w9 w10 w11",
    ]


def test_nothing_is_lost() -> None:
    text = (
        '# T\n\n"Stop." (Now!) Then: "go?" '
        + words(30)
        + "\n\n- a b\n- c d\n\n```\nx = 1\n\ny\n```"
    )
    for size in (4, 7, 15):
        body = " ".join(re.sub(r"^T\n\n", "", chunk) for chunk in cut(text, size))
        assert body.split() == text.replace("# T", "").split()


def test_lists_are_cut_between_lines_and_code_stays_together() -> None:
    text = "- one two\n- three four\n- five six\n\n```\na = 1\n\nb = 2\n```"
    assert cut(text, 8) == ["- one two\n\n- three four".replace("\n\n", "\n"), *cut(text, 8)[1:]]
    assert cut(text, 8)[-1] == "```\na = 1\n\nb = 2\n```"


def test_a_text_without_spaces_is_halved() -> None:
    document = Document(id="d", text="x" * 1000)
    chunks = chunk_documents([document], size=300, count_tokens=len)
    assert "".join(chunk.text for chunk in chunks) == "x" * 1000
    assert max(len(chunk.text) for chunk in chunks) <= 300


def test_overlap_repeats_whole_last_sentences() -> None:
    text = "A b c. D e. F g. H i j. K l."
    assert cut(text, 7, overlap=2) == ["A b c. D e. F g.", "F g. H i j. K l."]
    assert cut(text, 7) == ["A b c. D e. F g.", "H i j. K l."]


def test_a_long_path_of_headings_leaves_room_for_the_text() -> None:
    text = f"# {words(30)}\n\n## Short\n\n{words(20, 'x')}"
    assert cut(text, 8)[0] == f"Short\n\n{words(7, 'x')}"


def test_counting_is_linear() -> None:
    counted = 0

    def counting(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return count(text)

    text = "\n\n".join(f"Sentence {words(30)}. Another {words(30)}." for _ in range(500))
    chunk_documents([Document(id="d", text=text)], size=50, overlap=10, count_tokens=counting)
    assert counted < 6 * len(text)


def test_only_headings() -> None:
    assert cut("# A b\n\n# C d\n\n# E f", 3) == ["# A b", "# C d", "# E f"]


def test_sizes_out_of_range() -> None:
    for size, overlap in ((0, 0), (10, 6), (10, -1)):
        with pytest.raises(InvalidInput):
            chunk_documents([], size=size, overlap=overlap, count_tokens=count)
