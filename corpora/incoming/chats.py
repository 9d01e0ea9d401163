"""Conversations in the format of chat fine-tuning: one object with `messages` on each line.

The last answer of the assistant is the output. The turns before it are the input: the user's
text alone where there is one turn, else all turns, each after the name of who speaks. A system
message that most rows share is the instruction; another one stands before its row's input.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from corpora.errors import InvalidInput
from corpora.incoming.table import Table, counted, lines_of
from corpora.rows import Row

_SYSTEM = ("system", "developer")
_SPEAKERS = {"user": "User", "assistant": "Assistant", "tool": "Tool", "function": "Tool"}
_SPEAKERS_ELSEWHERE = {"human": "user", "gpt": "assistant", "bot": "assistant"}
FIELDS = ("messages", "conversations")
"""Where a row has its conversation: the usual name, then the older one."""
_SETTINGS = (
    *FIELDS,
    "tools",
    "functions",
    "parallel_tool_calls",
    "tool_choice",
)
_SAYS_NOTHING = ("you are a helpful assistant", "you are a helpful ai assistant")


def read_chats(rows: Sequence[Row], file: str) -> Table:
    """Rows with `input` and `output`; further columns stay. Raises InvalidInput with the line."""
    chats = [(row, _messages(row)) for row in rows]
    systems = [_system(messages, row.place) for row, messages in chats]
    common, times = Counter(systems).most_common(1)[0]
    shared = common if common and times > len(rows) / 2 else None
    made, called, long = [], [], 0
    for (row, messages), system in zip(chats, systems, strict=True):
        own = "" if system == shared else system
        values = {name: value for name, value in row.values.items() if name not in _SETTINGS}
        turns = [message for message in messages if message["role"] not in _SYSTEM]
        place = _last_answer(turns)
        if place is not None and _calls(turns[place]):
            called.append(row.place)
            continue
        before = turns if place is None else turns[:place]
        long += len(before) > 1
        values["input"] = _conversation(before, own, row.place)
        values["output"] = "" if place is None else _text(turns[place], row.place).strip()
        made.append(Row(row.place, values))
    if not made:
        fix = "Every answer is a tool call. Write the calls as text, such as a JSON object."
        raise InvalidInput(f"{file}: messages", len(called), fix)
    columns = tuple(dict.fromkeys(name for row in made for name in row.values))
    says_something = shared and shared.strip(" .!").lower() not in _SAYS_NOTHING
    return Table(
        file,
        "chat messages",
        tuple(made),
        columns,
        roles={"input": ("input",), "output": ("output",)},
        instruction=shared.strip() if shared and says_something else None,
        instruction_from="the system message",
        notes=tuple(_notes(file, called, long, systems, shared)),
    )


def _notes(
    file: str, called: list[str], long: int, systems: Sequence[str], shared: str | None
) -> list[str]:
    notes = []
    if called:
        rows = counted(len(called), "row")
        notes.append(f"{rows} answered by a tool call left out ({lines_of(file, called)})")
    if long:
        turns = "the last answer is the output, the turns before it the input"
        notes.append(f"{counted(long, 'conversation')} of several turns: {turns}")
    own = sum(bool(system) and system != shared for system in systems)
    if own:
        other = "another system message" if shared else "a system message of their own"
        notes.append(f"{counted(own, 'row')} with {other}, put before the input")
    return notes


def _messages(row: Row) -> list[dict[str, Any]]:
    name = next((name for name in FIELDS if name in row.values), FIELDS[0])
    messages = row.values.get(name)
    place = f"{row.place}{name}"
    if isinstance(messages, list):
        messages = [_in_other_words(message) for message in messages]
    if not isinstance(messages, list) or not messages:
        fix = 'Give a list of messages: [{"role": "user", "content": "..."}, ...].'
        raise InvalidInput(place, messages, fix)
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            fix = 'Give each message as {"role": "user", "content": "..."}.'
            raise InvalidInput(f"{place}[{number}]", message, fix)
        if message["role"] not in (*_SYSTEM, *_SPEAKERS):
            fix = f"Use one of the roles {', '.join((*_SYSTEM, *_SPEAKERS))}."
            raise InvalidInput(f"{place}[{number}].role", message["role"], fix)
    return messages


def _in_other_words(message: Any) -> Any:
    """A message as `role` and `content`, where it is written as `from` and `value`."""
    if not isinstance(message, Mapping) or "from" not in message or "role" in message:
        return message
    speaker = message["from"]
    role = _SPEAKERS_ELSEWHERE.get(speaker, speaker) if isinstance(speaker, str) else speaker
    return {"role": role, "content": message.get("value")}


def _system(messages: Sequence[Mapping[str, Any]], place: str) -> str:
    said = (message for message in messages if message["role"] in _SYSTEM)
    return "\n\n".join(_text(message, place) for message in said)


def _last_answer(turns: Sequence[Mapping[str, Any]]) -> int | None:
    places = [n for n, message in enumerate(turns) if message["role"] == "assistant"]
    return places[-1] if places else None


def _conversation(turns: Sequence[Mapping[str, Any]], system: str, place: str) -> str:
    """The input: one turn as it is, several after their speakers' names."""
    if not turns:
        return ""
    if len(turns) == 1 and not system and turns[0]["role"] == "user":
        return _text(turns[0], place)
    said = [f"System: {system}"] if system else []
    for message in turns:
        text = _text(message, place)
        calls = [json.dumps(call, ensure_ascii=False) for call in _calls(message)]
        spoken = [*([text] if text else []), *(f"calls {call}" for call in calls)]
        said.append(f"{_SPEAKERS[message['role']]}: {' '.join(spoken)}")
    return "\n".join(said)


def _calls(message: Mapping[str, Any]) -> list[Any]:
    """The functions that a message calls, in the present or the older form."""
    calls = message.get("tool_calls") or [message.get("function_call")]
    found = calls if isinstance(calls, list) else [calls]
    functions = (
        call.get("function", call) if isinstance(call, Mapping) else call for call in found
    )
    return [function for function in functions if function]


def _text(message: Mapping[str, Any], place: str) -> str:
    """What a message says; parts of text are joined, and anything but text is refused."""
    content = message.get("content")
    if content is None:
        return ""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            fix = "Give text: images and sound cannot be compared."
            raise InvalidInput(f"{place}content", part, fix)
        texts.append(text)
    return "\n".join(texts)
