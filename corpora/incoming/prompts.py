"""The prompt of a promptfoo configuration, inline or from a file beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpora.files import inside, parse_json, read_text

_TEXTS = (".txt", ".md", ".j2", ".json")
_UNREAD = (".py", ".js", ".cjs", ".mjs", ".ts", ".sh", ".rb", ".csv", ".xlsx", ".yaml", ".yml")
_BETWEEN = "\n---\n"


def read_prompt(prompts: Any, folder: Path, file: str) -> tuple[str | None, tuple[str, ...]]:
    """The first prompt as one template, None where only code makes it; and notes on the choice."""
    if prompts is None:
        return "{{prompt}}", ()
    several = _listed(prompts)
    notes = []
    text = _text(several[0], folder, f"{file}: prompts") if several else None
    if text is not None and _BETWEEN in text:
        text, *others = text.split(_BETWEEN)
        several = [*several, *others]
    if len(several) > 1:
        notes.append(f"of {len(several)} prompts the first is taken")
    if text is None:
        notes.append("its prompt is made by code or elsewhere, so the instruction is yours to give")
    return None if text is None else _as_template(text, f"{file}: prompts"), tuple(notes)


def _listed(prompts: Any) -> list[Any]:
    if isinstance(prompts, list):
        return prompts
    if isinstance(prompts, Mapping) and not {"id", "raw", "label"} & set(prompts):
        return list(prompts)  # the older form: files with their labels
    return [prompts]


def _text(prompt: Any, folder: Path, field: str) -> str | None:
    """The template as text; None for what a file here does not say."""
    if isinstance(prompt, Mapping):
        prompt = prompt.get("raw") or prompt.get("id")
    if not isinstance(prompt, str) or not prompt.strip():
        return None
    name = prompt.removeprefix("file://").split("#")[0].strip()
    is_file = prompt.startswith("file://") or ("\n" not in name and name.endswith(_TEXTS + _UNREAD))
    if not is_file:
        return None if prompt.startswith("exec:") or "://" in prompt.split()[0] else prompt
    stem = name.rpartition(":")[0] or name
    if not name.endswith(_TEXTS) or stem.endswith(_UNREAD):
        return None
    path = inside(folder, name, field)
    return read_text(path, path.name).strip()


def _as_template(text: str, field: str) -> str:
    """A chat prompt (a JSON list of messages) as the texts of its messages, one below the other."""
    if not text.lstrip().startswith("[") or '"role"' not in text:
        return text
    messages = parse_json(text, field)
    said = [message.get("content") for message in messages if isinstance(message, Mapping)]
    return "\n\n".join(each for each in said if isinstance(each, str))
