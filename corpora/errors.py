"""Errors of the data layer.

CorpusError
└── InvalidInput   a field of a task, an example or a document is wrong
"""


class CorpusError(Exception):
    """Base of everything this package raises on purpose."""


class InvalidInput(CorpusError):
    """Bad input: names the field, the value and the fix, for the user to act on."""

    def __init__(self, field: str, value: object, fix: str) -> None:
        self.field = field
        self.value = value
        self.fix = fix
        super().__init__(f"{field}: {shorten(value)}. {fix}")


def shorten(value: object, limit: int = 80) -> str:
    """A value as it is shown in a message: its repr, cut to `limit` characters."""
    text = repr(value[: limit + 1] if isinstance(value, str) else value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
