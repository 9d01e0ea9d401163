"""What tests of a forecast's evidence share: scripted instruments, and a clock that work moves."""

from dataclasses import dataclass, field

from strategies.base import Answer
from strategies.embedding import HashingEmbedder
from strategies.hidden_states import Head
from strategies.likelihood import Likelihood
from strategies.models.scripted import ScriptedModel
from strategies.pilot import PilotReading


@dataclass
class Clock:
    """Stands still but for what is spent."""

    now: float = 0.0

    def __call__(self):
        return self.now

    def spend(self, seconds):
        self.now += seconds


@dataclass
class SlowEmbedder:
    """A hashing embedder that takes a second a text, but for the one that loads it."""

    clock: Clock
    fingerprint: str = "slow"
    max_tokens: int = 256
    asked: list = field(default_factory=list)

    def embed(self, texts):
        if list(texts) != ["ready"]:
            self.asked += texts
            self.clock.spend(len(texts))
        return HashingEmbedder(64).embed(texts)

    def count_tokens(self, text):
        return len(text.split())


class TimedModel(ScriptedModel):
    """Answers right by the input, and takes a tenth of a second for each request."""

    trainable = True

    def __init__(self, reply, clock, **more):
        super().__init__(reply, **more)
        self.clock = clock

    def choose(self, prompts, choices):
        self.clock.spend(0.1 * len(prompts))
        return super().choose(prompts, choices)

    def generate(self, prompts, *, max_new_tokens):
        self.clock.spend(0.1 * len(prompts))
        return super().generate(prompts, max_new_tokens=max_new_tokens)


@dataclass
class ScriptedPilot:
    """Gets a tenth of the rows more right with each growth."""

    clock: Clock
    train: tuple
    judges: tuple
    log: list
    grown: list = field(default_factory=list)

    def grow(self, share):
        self.log.append(("grow", share))
        before = self.grown[-1] if self.grown else 0.0
        self.clock.spend(100 * (share - before) + 1)
        self.grown.append(share)
        judged = self.judges
        right = len(self.grown) * len(judged) // 10
        answers = [
            Answer(row.output if place < right else "none of them")
            for place, row in enumerate(judged)
        ]
        return PilotReading(
            share=share,
            rows=round(share * len(self.train)),
            likelihood=read(judged, 1 / len(self.grown)),
            score=None,
            answered=tuple(judged),
            answers=tuple(answers),
            losses=(2.0, 1.0),
            steps=1,
            tokens=10,
            operations=1e6,
            left_out=0,
        )


def read(rows, nats):
    """`nats` for each row of two tokens."""
    return Likelihood(
        {row.id: nats for row in rows},
        {row.id: 2 for row in rows},
        {row.id: 0.5 for row in rows},
        {row.id: row.output for row in rows},
        {row.id: 1.0 for row in rows},
        operations=5.0 * len(rows),
    )


@dataclass
class ScriptedInstruments:
    """Instruments that read nothing off a model. `log` gets a line for each call."""

    clock: Clock
    log: list = field(default_factory=list)
    pilots: list = field(default_factory=list)

    def likelihood(self, task, model, train, prepared, rows):
        self.log.append(("likelihood", tuple(row.id for row in rows)))
        self.clock.spend(0.5 * len(rows))
        return read(rows, 3.0)

    def head(self, task, model, train, judges, *, seed):
        self.log.append(("head", len(train), len(judges)))
        self.clock.spend(4.0)
        return Head(0.7, 0.8, tuple(row.output for row in judges), 1.0, operations=7.0)

    def pilot(self, strategy, task, model, train, judges, *, index, score, seed):
        self.log.append(("pilot", strategy.name, len(train), len(judges), index is not None))
        self.pilots.append(ScriptedPilot(self.clock, tuple(train), tuple(judges), self.log))
        return self.pilots[-1]
