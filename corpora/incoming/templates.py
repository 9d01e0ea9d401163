"""From a prompt with `{{variables}}` to an instruction that stands without them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)\s*(?:\|[^{}]*)?-?\}\}")
_FRAME = re.compile(r"""</?[\w-]+>|`{3}\w*|["']{3}|[-=#*_]{3,}""")
_LABEL = re.compile(r"""[#*\s]*+(?:[\w/&'’-]+ ){0,2}[\w/&'’-]*[*\s]*+(?:[:=→]|->)?[*\s]*+""")
_NO_LABEL = re.compile(r"[\W_]*")
# From the first of several spaces only: long runs of them would take quadratic time.
_HANGING = re.compile(r"""(?<!\s)(?:\s*[:→]\s*|\s+(?=["'`“«]))["'`“«]*\{\{[^{}]*\}\}["'`”».\s]*$""")

FEW_WORDS = 3
"""With fewer left, what looked like a label was part of the instruction."""


def variables_of(template: str) -> tuple[str, ...]:
    """The variables in the order in which they first occur."""
    return tuple(dict.fromkeys(_VARIABLE.findall(template)))


def is_plain(template: str) -> bool:
    """Whether variables are all there is to it: no blocks, comments or expressions."""
    rest = _VARIABLE.sub("", template)
    return not any(sign in rest for sign in ("{%", "{#", "{{"))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with the variables that have a value written out; the others stay."""
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), template)


def instruction_of(template: str) -> str:
    """The template without the places where variables go.

    A line that only labels a variable ("Email: {{body}}") goes, with the frame around it, and
    so do a variable hanging at the end of a sentence and a last line that asks for the answer
    ("Label:"). A variable inside a sentence stays as its name in brackets. Where little is left,
    the labels were the instruction ("Summarize this: {{text}}") and stay.
    """
    bare = _stripped(template, labels=_LABEL)
    return bare if len(bare.split()) >= FEW_WORDS else _stripped(template, labels=_NO_LABEL) or bare


def _stripped(template: str, labels: re.Pattern[str]) -> str:
    kept: list[str | None] = []
    for line in template.strip().split("\n"):
        bare = _FRAME.sub("", _VARIABLE.sub("", line)).strip(" \t\"'`“”«»")
        if not _VARIABLE.search(line):
            kept.append(line.rstrip())
        elif labels.fullmatch(bare):
            _drop_frame(kept, labels)
            kept.append(None)  # where a variable stood
        else:
            cut = _HANGING.sub("", line)
            kept.append(_VARIABLE.sub(lambda found: f"[{found[1]}]", cut).rstrip())
            if cut != line:
                kept.append(None)
    while kept and _is_frame(kept[-1], kept):
        kept.pop()
    lines = [kept[n] for n in range(len(kept)) if not _closes(kept, n)]
    text = "\n".join("" if line is None else line for line in lines)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return f"{text[:-1].rstrip()}." if text.endswith(":") else text


def _drop_frame(kept: list[str | None], labels: re.Pattern[str]) -> None:
    """Remove what opens the frame of a variable, and the label above it."""
    while kept and kept[-1] is not None:
        last = kept[-1].strip()
        label = last.endswith(":") and labels.fullmatch(last)
        if last and not _FRAME.fullmatch(last) and not label:
            return
        kept.pop()


def _closes(kept: list[str | None], place: int) -> bool:
    """Whether a line closes the frame of the variable that stood before it."""
    line = kept[place]
    return bool(place and kept[place - 1] is None and line and _FRAME.fullmatch(line.strip()))


def _is_frame(line: str | None, kept: list[str | None]) -> bool:
    """Whether the last line says nothing without the variable above it."""
    if line is None or not line.strip():
        return True
    text = line.strip()
    label = bool(_LABEL.fullmatch(text)) and text.endswith((":", "→", "->", "="))
    return None in kept and (label or bool(_FRAME.fullmatch(text)))
