"""Errors of the strategies layer.

StrategyError
├── UnknownName     no strategy, model or retriever has that name
├── ModelError      a model cannot be loaded or does not do what is asked
├── LimitReached    what may be spent on hosted models leaves too little for a request
├── NotFetched      a catalogue model is not on this machine yet
└── BadArchive      a zip holds what may not be unpacked
"""

LIMIT = "spending limit"
"""How an answer that nobody paid for begins its reason."""


class StrategyError(Exception):
    """Base of everything this package raises on purpose."""


class UnknownName(StrategyError):
    """A name that nothing is registered under; says which names exist."""

    def __init__(self, what: str, name: str, known: list[str]) -> None:
        self.what = what
        self.name = name
        self.known = known
        super().__init__(f"{what}: {name!r} is unknown. Choose one of: {', '.join(known)}.")


class ModelError(StrategyError):
    """A model cannot be loaded, or cannot do what was asked of it."""


class NotFetched(ModelError):
    """A catalogue model whose files are not on this machine; names the command that brings it."""


class LimitReached(ModelError):
    """Nothing was sent. The message says which limit, what is spent, and what the request may
    take."""


class BadArchive(StrategyError):
    """A zip file that is none, or holds what may not be unpacked; the message says what."""
