"""Characters that nobody meant: marks of a wrong encoding, control characters, hidden text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpora.checks.material import Material, about, several
from corpora.task import Check

_TAIL = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
"""The second byte of two-byte UTF-8, read as Latin-1 or as Windows-1252."""
_MOJIBAKE = re.compile(f"\ufffd|[ÃÂ][{_TAIL}]|â€[{_TAIL}]|â\u0080[\u0080-\u00bf]")
_CONTROL = re.compile(
    "[\u0001-\u0008\u000b\u000e-\u001f\u007f-\u0084\u0086-\u009f"  # no tab, line end or page end
    "\u202d\u202e"  # text that runs against its script: what is read is not what is stored
    "]|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]"  # hidden, but in flags
)


def mojibake(material: Material) -> Iterator[Check]:
    """Text that was read with the wrong encoding once (`cafÃ©`), or lost in reading."""
    ids = [identifier for identifier, text in _texts(material) if _MOJIBAKE.search(text)]
    if ids:
        message = (
            f"{several(len(ids), 'text holds', 'texts hold')} marks of a wrong encoding, such as "
            "Ã© for é. Read the original again, as UTF-8 or as what it was saved in."
        )
        yield about("mojibake", "warning", message, ids)


def control_characters(material: Material) -> Iterator[Check]:
    ids = [identifier for identifier, text in _texts(material) if _CONTROL.search(text)]
    if ids:
        message = (
            f"{several(len(ids), 'text holds', 'texts hold')} control or hidden characters, which "
            "people do not see and models read. Remove them."
        )
        yield about("control-characters", "warning", message, ids)


def _texts(material: Material) -> Iterator[tuple[str, str]]:
    for row in material.rows:
        yield row.id, "\n".join((row.input, row.output, *row.alternatives))
    for document in material.dataset.documents:
        yield document.id, document.text
