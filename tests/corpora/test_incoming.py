"""Files of many shapes: what is understood of them, word for word."""

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
