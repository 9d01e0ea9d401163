"""Files that came in broken, or with more in them than they should have."""

from pathlib import Path

import pytest
from test_incoming import file_of, jsonl, refused, understood

from corpora.incoming.telling import sentences


def test_what_a_terminal_would_obey_is_not_repeated(tmp_path: Path) -> None:
    system = {"role": "system", "content": "Answer \x1b[2J what the customer asks."}
    answer = {"role": "assistant", "content": "x"}
    rows = [{"messages": [system, {"role": "user", "content": f"{n}"}, answer]} for n in range(6)]
    path = file_of(tmp_path, "a.jsonl", jsonl(rows))
    told = "\n".join(sentences(understood(path, kind="generation")))
    assert "Answer \N{REPLACEMENT CHARACTER}[2J what" in told
    assert "\x1b" not in told


@pytest.mark.parametrize(
    ("name", "content", "field", "fix"),
    [
        ("a.jsonl", '{"prompt": "x", "completion": "y"}\n' * 16 + '{"prompt": }', "17", "not JSON"),
        ("a.jsonl", '{"prompt": "x\\u0000", "completion": "y"}\n', "line 1: prompt", "NUL"),
        ("a.jsonl", '{"prompt": "\\ud800", "completion": "y"}\n', "line 1: prompt", "surrogate"),
        ("a.csv", "text;label\na;b\nc,d\n", "a.csv line 3", "one separator"),
        ("a.csv", "text,label\na,b\nc,d,e\n", "a.csv line 3", "more cells"),
        ("a.csv", "text,text\na,b\n", "a.csv line 1", "this name"),
        ("a.csv", "text,label\na,b\nc\0,d\n", "a.csv line 3", "NUL"),
        ("a.csv", b"text,label\nok,b\ncaf\xe9,d\n", "a.csv line 3", "UTF-8"),
        ("a.csv", 'text,label\na,b\n"c,d\ne,f\n', "a.csv line 3", "Close every quote"),
        ("a.csv", "text,label\na,b\n" + "x" * 200_000 + ",c\n", "a.csv line 3", "field limit"),
        ("a.csv", "text,label\n", "a.csv", "no rows"),
        ("a.csv", "text,label\n,\n,\n", "a.csv", "empty"),
        ("a.csv", "text\na\nb\n", "a.csv", "one column"),
        ("a.csv", "te\x1b[2Jxt,label\na,b\n", "a.csv", "control character"),
        ("a.csv", "sep=;\ntext;text\na;b\n", "a.csv line 2", "this name"),
        ("a.csv", "sep=;\r\ntext;label\r\na;b\r\nc;d;e\r\n", "a.csv line 4", "more cells"),
        ("a.csv", "", "a.csv", "empty"),
        ("a.json", "[" * 100_000, "a.json", "nested"),
        ("a.jsonl", '{"messages": []}\n', "a.jsonl line 1: messages", "list"),
        ("a.jsonl", '{"messages": ["hi"]}\n', "line 1: messages[0]", "role"),
        ("a.jsonl", '{"messages": [{"role": "bot"}]}\n', "messages[0].role", "roles"),
        ("a.jsonl", '{"messages": [{"role": "user"}]}\n{"prompt": "x"}\n', "2: messages", "list"),
        ("a.yaml", "name: x\nkind: generation\nexamples: a.csv\n", "a.yaml", "tuneworth check"),
        ("a.xlsx", "PK", "a.xlsx", ".csv"),
    ],
)
def test_broken_files_name_the_place(
    tmp_path: Path, name: str, content: str | bytes, field: str, fix: str
) -> None:
    error = refused(file_of(tmp_path, name, content))
    assert field in error.field
    assert fix in error.fix


def test_pictures_and_tool_calls_alone_are_refused(tmp_path: Path) -> None:
    user = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
    rows = [{"messages": [user, {"role": "assistant", "content": "a cat"}]}]
    assert "images" in refused(file_of(tmp_path, "a.jsonl", jsonl(rows))).fix
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}
    rows = [{"messages": [{"role": "user", "content": "Hi"}, call]}]
    assert "tool call" in refused(file_of(tmp_path, "b.jsonl", jsonl(rows))).fix


def test_an_output_that_is_no_object_among_objects(tmp_path: Path) -> None:
    rows = [{"input": f"text {n}", "output": {"n": n}} for n in range(30)]
    rows[16]["output"] = "none"
    error = refused(file_of(tmp_path, "a.jsonl", jsonl(rows)), instruction="Give the number.")
    assert error.field == "a.jsonl line 17: output"
