"""Strategies of a few lines, for tests of the runner."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from strategies.base import Answer, Training, no_progress
from strategies.models.base import Usage


@dataclass
class Speaker:
    """Prepared: answers by a function of the input; keeps what it was asked."""

    say: object
    asked: list = field(default_factory=list)
    seconds: float = 0.0
    training: Training | None = None

    def answer(self, inputs):
        self.asked.append(tuple(inputs))
        time.sleep(self.seconds * len(inputs))
        return [self.say(text) for text in inputs]

    def save(self, folder: Path):
        (folder / "note.txt").write_text("a speaker")


@dataclass
class Tiny:
    """A strategy that prepares a Speaker. `log` gets a line for each call."""

    say: object
    name: str = "tiny"
    family: str = "baseline"
    needs_model: bool = False
    excuse: str | None = None
    seconds: float = 0.0
    log: list = field(default_factory=list)
    speaker: object = None

    def misfit(self, task, *, has_documents, model):
        return self.excuse

    def prepare(
        self, task, train, validation, documents, model, score, *, seed=0, progress=no_progress
    ):
        self.log.append("prepare")
        progress(0.5, "half")
        self.speaker = Speaker(self.say, seconds=self.seconds)
        return self.speaker

    def load(self, folder, task, model):
        assert (folder / "note.txt").read_text() == "a speaker"
        self.log.append("load")
        self.speaker = Speaker(self.say, seconds=self.seconds)
        return self.speaker


def right(text):
    """Reads the colour off the input."""
    word = next(word for word in text.split() if word in ("red", "green", "blue"))
    return Answer(word, Usage(prompt=10, cached=4, completion=1))


def always_red(text):
    return Answer("red", Usage(prompt=2, completion=1), probabilities={"red": 0.6, "blue": 0.4})
