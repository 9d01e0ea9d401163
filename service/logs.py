"""Logs: one JSON object a line, or text for a terminal; each line names what it is about.

Lines of a request carry its id, lines of the worker the comparison or forecast and its task. A
request that started something names that too, so that it can be followed into the worker.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, TextIO

LogStyle = Literal["auto", "json", "text"]
_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def set_up_logs(style: LogStyle = "auto", stream: TextIO | None = None) -> None:
    """All logs of this process go to `stream` (stderr); auto is text where that is a terminal."""
    stream = stream or sys.stderr
    as_text = style == "text" or (style == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines() if as_text else JsonLines())
    root, jobs = logging.getLogger(), logging.getLogger("dbos")
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    jobs.handlers, jobs.propagate = [handler], False  # else the library adds one of its own
    logging.getLogger("tuneworth").setLevel(logging.INFO)
    logging.captureWarnings(True)


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Every line of this thread or request within carries these ids."""
    token = _ABOUT.set({**_ABOUT.get(), **ids})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def fields(**values: Any) -> dict[str, Any]:
    """Further fields of one line: `logger.info("ended", extra=fields(state="failed"))`."""
    return {"fields": values}


class JsonLines(logging.Formatter):
    """time (ISO 8601, UTC), level, logger, message, the ids, the fields, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **told(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """The time of day, the level and the message with its ids; no value can begin a line."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        ids = "".join(f" {name}={value}" for name, value in told(record).items())
        line = printable(f"{when} {record.levelname.lower()} {record.getMessage()}{ids}")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def told(record: logging.LogRecord) -> dict[str, Any]:
    """The ids and fields of a line."""
    more: Mapping[str, Any] = getattr(record, "fields", {})
    return {**_ABOUT.get(), **more}


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
