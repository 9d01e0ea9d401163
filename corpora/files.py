"""Reading files that a user names: size, encoding, JSON, YAML, and never outside the folder."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml

from corpora.errors import InvalidInput

MAX_ROWS_BYTES = 256 * 2**20
MAX_YAML_BYTES = 2**20


def inside(folder: Path, value: str, field: str) -> Path:
    """The existing file or folder that `value` names below `folder`.

    Refuses absolute paths, `..`, and links that lead out of the folder.
    """
    posix, windows = PurePosixPath(value), PureWindowsPath(value)
    if not value.strip() or "\0" in value:
        raise InvalidInput(field, value, "Give the path of a file below the task folder.")
    if posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise InvalidInput(field, value, "Give a path relative to the task folder, without '..'.")
    path = folder / value
    confine(path, folder, field, value)
    if not exists(path):
        raise InvalidInput(field, value, f"No such file or folder in {folder.name or folder}.")
    return path


def exists(path: Path) -> bool:
    """Whether something is there; a name that no file can have (too long) is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def confine(path: Path, folder: Path, field: str, value: object) -> None:
    """Refuse a path that leads out of `folder` once its links are followed."""
    try:
        leaves = not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name too long
        leaves = True
    if leaves:
        fix = "It is a link that leads out of the task folder: copy the file into the folder."
        raise InvalidInput(field, value, fix)


def read_bytes(path: Path, shown: str, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes, which must not be empty."""
    if not path.is_file():
        raise InvalidInput(shown, str(path.name), "No such file.")
    try:
        size = path.stat().st_size
        if size > limit:
            raise InvalidInput(shown, f"{size:,} bytes", f"Keep it under {limit:,} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(shown, error.strerror, "Make the file readable.") from error
    if not content.strip():
        raise InvalidInput(shown, f"{len(content)} bytes", "The file is empty: fill or remove it.")
    return content


def read_text(path: Path, shown: str, limit: int = MAX_ROWS_BYTES) -> str:
    """A UTF-8 file (a byte order mark is dropped) with line ends as they are."""
    content = read_bytes(path, shown, limit)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        value = content[error.start : error.start + 4]
        raise InvalidInput(
            f"{shown} line {line}", value, "It is not UTF-8: save the file with that encoding."
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InvalidInput(f"{shown} line {line}", "\0", "It holds a NUL character: remove it.")
    if not text.strip():
        raise InvalidInput(shown, text, "The file is empty: fill or remove it.")
    return text


def parse_json(text: str, field: str) -> Any:
    """A JSON value; a key given twice, NaN and nesting too deep to read are refused."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        column = f"line {error.lineno}, " if "\n" in text.strip() else ""
        fix = f"It is not JSON: {error.msg} ({column}column {error.colno})."
        raise InvalidInput(field, text[max(0, error.pos - 30) : error.pos + 40], fix) from None
    except ValueError as error:  # raised by the two hooks below, and for numbers of 5,000 digits
        raise InvalidInput(field, text[:60], f"It is not JSON: {error}.") from None
    except RecursionError:
        raise InvalidInput(field, text[:60], "It is nested too deeply: flatten it.") from None


def parse_yaml(text: str, field: str) -> Any:
    """A YAML value; aliases are refused (a few lines of them can fill the memory)."""
    if len(text.encode()) > MAX_YAML_BYTES:
        fix = f"Keep YAML under {MAX_YAML_BYTES:,} bytes: put the rows into a JSONL file."
        raise InvalidInput(field, f"{len(text):,} characters", fix)
    try:
        return yaml.load(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = re.sub(r"\s+", " ", str(error.problem))
        raise InvalidInput(field + line, _line_at(text, error), f"{problem}.") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        problem = re.sub(r"\s+", " ", str(error))[:200]
        raise InvalidInput(field, text[:60], f"It is not YAML: {problem}.") from None
    except RecursionError:
        raise InvalidInput(field, text[:60], "It is nested too deeply: flatten it.") from None


def _line_at(text: str, error: yaml.MarkedYAMLError) -> str:
    lines = text.split("\n")
    number = error.problem_mark.line if error.problem_mark else 0
    return lines[min(number, len(lines) - 1)].strip()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {twice!r} is given twice")
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


class _PlainLoader(yaml.SafeLoader):
    """Plain data only: no aliases, no key given twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "Aliases (*name) are not read: write the value out", mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"The key {key.value!r} is given twice", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)
