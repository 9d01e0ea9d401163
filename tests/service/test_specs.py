"""Which models and rerankers a spec sent over HTTP may name."""

from pathlib import Path

import pytest
from serving import spec

from corpora.errors import InvalidInput
from service.specs import ALLOW_MODELS, check_spec, dataset_from

NAMES = [
    ("model", "owner/name"),
    ("model", "https://llm.example.com/weights"),
    ("model", "../weights"),
    ("model", "corpora"),
    ("reranker", "owner/encoder"),
    ("reranker", "https://llm.example.com/encoder"),
    ("reranker", "/srv/encoder"),
    ("reranker", "corpora"),
]


@pytest.mark.parametrize("read", [check_spec, dataset_from])
@pytest.mark.parametrize(("field", "name"), NAMES)
def test_what_has_no_name_here_is_refused(read, field, name) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(spec(**{field: name}))
    assert (caught.value.field, caught.value.value) == (field, name)
    assert "TUNEWORTH_ALLOW_MODELS" in caught.value.fix


def test_whether_a_file_is_there_shows_in_no_message() -> None:
    said = []
    for name in ("corpora", "no such folder"):
        with pytest.raises(InvalidInput) as caught:
            check_spec(spec(reranker=name))
        said.append(caught.value.fix)
    assert said[0] == said[1]


def test_the_operator_allows_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = str(tmp_path / "weights")
    monkeypatch.setenv(ALLOW_MODELS, f" owner/name, {folder} ,,owner/encoder")
    assert check_spec(spec(model=["owner/name", folder]))["models"] == ["owner/name", folder]
    task = dataset_from(spec(model=folder, reranker="owner/encoder")).task
    assert (task.models, task.reranker) == ((folder,), "owner/encoder")
    with pytest.raises(InvalidInput) as caught:
        check_spec(spec(model="owner/name-2"))
    assert "owner/name, smollm2-135m-q4" in caught.value.fix


def test_a_file_as_rows_is_refused_whatever_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_MODELS, "rows.jsonl")
    for field in ("examples", "documents", "incumbent"):
        with pytest.raises(InvalidInput) as caught:
            check_spec(spec(**{field: "rows.jsonl"}))
        assert caught.value.field == field
