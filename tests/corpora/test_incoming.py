"""Files of many shapes: what is understood of them, word for word, and what is refused."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from corpora.errors import InvalidInput
from corpora.incoming.columns import Wishes
from corpora.incoming.formats import read_incoming
from corpora.incoming.telling import sentences
from corpora.incoming.understanding import Questions, Understanding, understand

TOPICS = ("billing", "delivery", "returns")


def ticket(number: int) -> str:
    return f"Message {number}: parcel {number * 7919} has not come and I want to know why."


def file_of(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def jsonl(rows: Sequence[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def understood(path: Path, **wishes: Any) -> Understanding:
    found = understand(read_incoming(path), Wishes(name="letters", **wishes))
    assert isinstance(found, Understanding), found
    return found


def unclear(path: Path, **wishes: Any) -> list[str]:
    found = understand(read_incoming(path), Wishes(**wishes))
    assert isinstance(found, Questions), found
    return [question.flag for question in found.unclear]


def refused(path: Path, **wishes: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        understand(read_incoming(path), Wishes(**wishes))
    return caught.value


def semicolons(folder: Path) -> Path:
    """An export with a BOM, odd headings, two rows unanswered and one answered twice."""
    lines = ["Ticket-Nr;Sprache;Kundentext;Abteilung"]
    for number in range(40):
        answer = "" if number in (15, 30) else TOPICS[number % 3]
        lines.append(f'T{number};de;"{ticket(number)}";{answer}')
    lines.append(f'T40;de;"{ticket(0)}";returns')
    return file_of(folder, "Tickets.csv", "\ufeff" + "\r\n".join(lines) + "\r\n")


def test_semicolons_with_odd_headings(tmp_path: Path) -> None:
    found = understood(semicolons(tmp_path), instruction="Say which department should answer.")
    assert sentences(found) == [
        "CSV: 39 rows; input = Kundentext, output = Abteilung, id = Ticket-Nr; "
        "classification, 3 labels",
        "1 row repeats an earlier input with another output (line 42); "
        "2 rows without an output left out (lines 17, 32)",
        "not used: Sprache (always 'de')",
    ]
    assert found.rows[0].values == {"id": "T0", "input": ticket(0), "output": "billing"}


def test_a_separator_stated_above_the_header_is_no_row(tmp_path: Path) -> None:
    plain = semicolons(tmp_path).read_text(encoding="utf-8-sig")
    path = file_of(tmp_path, "stated.csv", "\ufeffsep=;\r\n" + plain)
    found = understood(path, instruction="Say which department should answer.")
    assert found.columns.output == "Abteilung"
    assert found.left_out == {"an output": ("stated.csv line 18: ", "stated.csv line 33: ")}


def test_what_a_terminal_would_obey_is_not_repeated(tmp_path: Path) -> None:
    system = {"role": "system", "content": "Answer \x1b[2J what the customer asks."}
    answer = {"role": "assistant", "content": "x"}
    rows = [{"messages": [system, {"role": "user", "content": f"{n}"}, answer]} for n in range(6)]
    path = file_of(tmp_path, "a.jsonl", jsonl(rows))
    told = "\n".join(sentences(understood(path, kind="generation")))
    assert "Answer \N{REPLACEMENT CHARACTER}[2J what" in told
    assert "\x1b" not in told


def test_only_columns_with_a_heading_are_offered(tmp_path: Path) -> None:
    rows = "".join(f"{n},Some text number {n},{n % 7}x,{n % 5}y\n" for n in range(30))
    path = file_of(tmp_path, "a.csv", ",words,one,two\n" + rows)
    asked = understand(read_incoming(path), Wishes(name="x"))
    assert isinstance(asked, Questions)
    assert asked.unclear[0].choices == ("one", "two")


def test_chat_messages_with_a_system_message(tmp_path: Path) -> None:
    rows = []
    for number in range(12):
        system = {"role": "system", "content": "Write a friendly reply to the customer."}
        user = {"role": "user", "content": ticket(number)}
        reply = {"role": "assistant", "content": f"We look into parcel {number * 7919} today. " * 3}
        rows.append({"messages": [system, user, reply]})
    call = {"function": {"name": "track", "arguments": "{}"}}
    rows[3]["messages"][2] = {"role": "assistant", "content": None, "tool_calls": [call]}
    more = {"role": "user", "content": "Thank you. And when?"}
    rows[4]["messages"] += [more, {"role": "assistant", "content": "On Monday, dear customer."}]
    rows[5]["messages"][0] = {"role": "system", "content": "Reply in French."}
    found = understood(file_of(tmp_path, "chats.jsonl", jsonl(rows)))
    assert sentences(found) == [
        "chat messages: 11 rows; input = input, output = output; generation",
        "1 row answered by a tool call left out (line 4)",
        "1 conversation of several turns: the last answer is the output, "
        "the turns before it the input",
        "1 row with another system message, put before the input",
        'instruction, from the system message: "Write a friendly reply to the customer."',
    ]
    texts = [row.values["input"] for row in found.rows]
    assert texts[0] == ticket(0)
    reply = f"We look into parcel {4 * 7919} today. " * 3
    assert texts[3] == f"User: {ticket(4)}\nAssistant: {reply}\nUser: Thank you. And when?"
    assert texts[4] == f"System: Reply in French.\nUser: {ticket(5)}"
    assert found.rows[3].values["output"] == "On Monday, dear customer."


def test_conversations_in_the_older_words(tmp_path: Path) -> None:
    rows = [
        {"conversations": [{"from": "human", "value": ticket(n)}, {"from": "gpt", "value": topic}]}
        for n, topic in enumerate(TOPICS * 5)
    ]
    rows[4]["conversations"][1]["value"] = "Delivery"
    rows[7]["conversations"][1]["value"] = "Delivery"
    path = file_of(tmp_path, "chats.jsonl", jsonl(rows))
    found = understood(path, instruction="Name the topic of the message.")
    assert sentences(found) == [
        "chat messages: 15 rows; input = input, output = output; classification, 4 labels",
        "labels that differ in capitals only: 'Delivery', 'delivery'",
    ]
    assert found.rows[0].values == {"input": ticket(0), "output": "billing"}


def test_a_system_message_that_says_nothing_is_no_instruction(tmp_path: Path) -> None:
    said = [("system", "You are a helpful assistant."), ("user", "Hi {}"), ("assistant", "{}")]
    rows = [
        {"messages": [{"role": who, "content": text.format(TOPICS[n % 3])} for who, text in said]}
        for n in range(12)
    ]
    assert unclear(file_of(tmp_path, "chats.jsonl", jsonl(rows))) == ["--instruction"]


def test_prompts_and_json_completions(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": f"Book a table for {n % 9} in town {n}\n\n###\n\n",
            "completion": " " + json.dumps({"intent": "book", "people": n % 9, "town": f"t{n}"}),
        }
        for n in range(60)
    ]
    path = file_of(tmp_path, "slots.jsonl", jsonl(rows))
    found = understood(path, instruction="Turn the command into a JSON object.")
    assert sentences(found) == [
        "JSON rows: 60 rows; input = prompt, output = completion; extraction, "
        "3 fields (3 in every row)",
        'the mark "###" at the end of every input cut off',
    ]
    assert found.rows[2].values["input"] == "Book a table for 2 in town 2"
    assert found.output_schema == {
        "type": "object",
        "properties": {
            "intent": {"type": "string"},
            "people": {"type": "integer"},
            "town": {"type": "string"},
        },
        "required": ["intent", "people", "town"],
    }


def test_questions_with_context_in_a_json_list(tmp_path: Path) -> None:
    rows = [
        {
            "page_id": f"page {n // 3}",
            "context": f"The shop in street {n} opens at {n + 1} in the morning.",
            "question": f"When does the shop in street {n} open?",
            "answers": [f"at {n + 1}", f"{n + 1} a.m."],
            "sources": None,
        }
        for n in range(60)
    ]
    path = file_of(tmp_path, "faq.json", json.dumps(rows))
    found = understood(path, instruction="Answer the question from the context.")
    assert sentences(found) == [
        "JSON rows: 60 rows; input = context + question, output = answers, group = page_id; "
        "question-answering",
        "not used: sources (empty)",
    ]
    assert found.rows[4].values == {
        "input": "context: The shop in street 4 opens at 5 in the morning.\n"
        "question: When does the shop in street 4 open?",
        "output": "at 5",
        "group": "page 1",
        "alternatives": ["5 a.m."],
    }


def test_alpaca_rows_whose_instruction_is_constant(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Name the topic of the message.", "input": ticket(n)}
        | {"output": TOPICS[n % 3], "split": ("training", "test")[n % 2]}
        for n in range(30)
    ]
    found = understood(file_of(tmp_path, "alpaca.jsonl", jsonl(rows)))
    assert sentences(found) == [
        "JSON rows: 30 rows; input = input, output = output, split = split; "
        "classification, 3 labels",
        "instruction, from the column that says the same in all rows: "
        '"Name the topic of the message."',
    ]
    assert found.rows[0].values["split"] == "train"


def test_an_instruction_that_every_input_begins_with(tmp_path: Path) -> None:
    asks = "Say which department should answer this message:\n"
    lines = [f'"{asks}{ticket(n)}",{TOPICS[n % 3]}' for n in range(30)]
    found = understood(file_of(tmp_path, "t.csv", "text,label\n" + "\n".join(lines)))
    assert found.instruction == "Say which department should answer this message"
    assert found.rows[1].values["input"] == ticket(1)


def test_another_name_of_the_output_is_no_group(tmp_path: Path) -> None:
    lines = [f"{ticket(n)},topic {n % 20},{n % 20},shop {n % 15}" for n in range(120)]
    path = file_of(tmp_path, "t.csv", "text,topic,topic_id,shop_id\n" + "\n".join(lines))
    columns = understood(path, instruction="Name the topic of the message.").columns
    assert (columns.output, columns.group, columns.unused) == ("topic", "shop_id", ("topic_id",))


def test_what_cannot_be_told_is_asked(tmp_path: Path) -> None:
    lines = [f"{ticket(n)},{TOPICS[n % 3]},agent{n % 4}" for n in range(30)]
    path = file_of(tmp_path, "t.csv", "wording,sort,who\n" + "\n".join(lines))
    assert unclear(path) == ["--output", "--instruction"]
    found = understood(path, output="sort", instruction="Sort the message.")
    assert (found.columns.input, found.columns.unused) == (("wording",), ("who",))


def test_two_likely_kinds_are_asked(tmp_path: Path) -> None:
    path = file_of(tmp_path, "t.csv", "text,label\nfirst text,a\nsecond text,b\n")
    assert unclear(path, instruction="Sort the text into a or b.") == ["--kind"]


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
