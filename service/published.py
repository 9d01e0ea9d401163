"""Writing the three forms of a report, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from service.forms import REPORT_FILES
from service.html import as_html
from service.markdown import as_markdown
from service.report import Report


def write_reports(report: Report, folder: Path) -> None:
    """Write report.json, report.md and report.html into `folder`, which exists."""
    texts = (report.as_json(), as_markdown(report), as_html(report))
    for name, text in zip(REPORT_FILES, texts, strict=True):
        write_atomically(folder / name, text)


def write_atomically(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
