"""Read leniently, every wrong row is named by a check; read strictly, the first is refused."""

from typing import Any

import pytest
from faulty import fault, inline

from corpora.checks import check_dataset
from corpora.reading import read_dataset

EXTRACTION = {
    "kind": "extraction",
    "labels": None,
    "output_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
QUESTIONS = {
    "kind": "question-answering",
    "labels": None,
    "no_answer": "Not known.",
    "documents": [{"id": "guide", "text": "The guide says a."}],
}


@pytest.mark.parametrize(
    ("spec", "row", "check"),
    [
        ({}, {"output": "c"}, "unknown-labels"),
        ({"labels": None}, {"output": " a"}, "unknown-labels"),
        ({}, {"output": " "}, "empty-outputs"),
        ({}, {"alternatives": ["d"]}, "unknown-labels"),
        (QUESTIONS, {"alternatives": [""]}, "empty-outputs"),
        (QUESTIONS, {"sources": ["guied"]}, "unknown-sources"),
        (QUESTIONS, {"output": "Not known.", "sources": ["guide"]}, "sources-of-no-answer"),
        ({**QUESTIONS, "documents": None}, {"sources": ["guide"]}, "unknown-sources"),
        (EXTRACTION, {"output": "city: Rome"}, "no-json"),
        (EXTRACTION, {"output": "[1]"}, "no-json"),
        (EXTRACTION, {"output": '{"a": 1, "a": 2}'}, "no-json"),
        (EXTRACTION, {"output": {"city": 3}}, "breaks-schema"),
    ],
)
def test_a_wrong_row_is_refused_or_named(
    spec: dict[str, Any], row: dict[str, Any], check: str
) -> None:
    source = inline(spec, row)
    if spec.get("kind") == "extraction":
        for other in source["examples"]:
            if other["id"] != "r16":
                other["output"] = '{"city": "Rome"}'
    assert "16" in fault(source).field
    found = {one.check: one for one in check_dataset(read_dataset(source, lenient=True))}
    assert found[check].severity == "error"
    assert found[check].examples == ("r16",)


@pytest.mark.parametrize("row", [{"input": " "}, {"output": 3}, {"id": "r1"}, {"splitt": "test"}])
def test_what_is_no_row_is_refused_either_way(row: dict[str, Any]) -> None:
    assert "16" in fault(inline(row=row), lenient=True).field
