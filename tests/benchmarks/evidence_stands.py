"""What tests of a forecast's evidence share: scripted instruments, and a clock that work moves."""

from dataclasses import dataclass, field

from benchmarks.evidence.live import LiveSource
from benchmarks.plan import plan_run
from benchmarks.quote import QuotedModel
from corpora.task import Dataset, Document, Example, Task
from strategies.base import Answer, no_progress
from strategies.embedding import HashingEmbedder
from strategies.errors import ModelError
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

    def grow(self, share, *, progress=no_progress):
        self.log.append(("grow", share))
        before = self.grown[-1] if self.grown else 0.0
        progress(0.0, "begins")
        self.clock.spend(100 * (share - before))
        progress(1.0, "step 1 of 1, loss 1")
        self.clock.spend(1)
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
            left_out=2,
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
        # the first is too long, the second gets a wrong label
        some = judges[1:]
        said = ("none of them", *(row.output for row in some[1:]))
        ids = tuple(row.id for row in some)
        return Head(0.7, 0.8, said, 10.0, ids, "final mean", operations=7.0)

    def pilot(self, strategy, task, model, train, judges, *, index, score, seed):
        self.log.append(("pilot", strategy.name, len(train), len(judges), index is not None))
        self.pilots.append(ScriptedPilot(self.clock, tuple(train), tuple(judges), self.log))
        return self.pilots[-1]


COLOURS = ("red", "green", "blue")


def rows(split, count):
    return tuple(
        Example(
            id=f"{split}-{number}",
            input=f"{split} {number}: {COLOURS[number % 3]} please, order {number * 7919}",
            output=COLOURS[number % 3],
        )
        for number in range(count)
    )


TASK = Task(
    name="colours",
    kind="classification",
    instruction="Name the colour that is asked for in the order.",
    labels=COLOURS,
    metric="accuracy",
)


class Unseen:
    """A data set whose test rows nobody may look at."""

    def __init__(self, task=TASK, train=40, validation=40, documents=()):
        self.task = task
        self.train, self.validation = rows("train", train), rows("validation", validation)
        self.documents = tuple(documents)

    @property
    def test(self):
        raise AssertionError("somebody looks at the test rows")

    @property
    def incumbent(self):
        raise AssertionError("somebody looks at what runs today")


def colour_of(prompt):
    words = prompt.messages[-1].content.replace(",", " ").split()
    return next((word for word in words if word in COLOURS), "no colour")


class Stand:
    """A source on scripted models, instruments and a clock of its own."""

    def __init__(self, *strategies, data=None, models=("m",), hosted=(), loading=5.0, **more):
        self.clock = more.pop("clock", None) or Clock()
        self.instruments = ScriptedInstruments(self.clock)
        self.loaded = []
        self.data = data or Unseen()
        self.entries = plan_run(
            Dataset(
                task=self.data.task,
                train=self.data.train,
                validation=self.data.validation,
                test=(),
                documents=self.data.documents,
            ),
            strategies,
            models,
        )

        def loader(name):
            def load():
                self.clock.spend(loading)
                self.loaded.append(name)
                if name == "broken":
                    raise ModelError("no such weights")
                model = TimedModel(colour_of, self.clock, name=name)
                model.hosted = name in hosted
                return model

            return load

        self.source = LiveSource(
            self.data,
            self.entries,
            {name: loader(name) for name in models},
            quoted=[QuotedModel(name=name, hosted=name in hosted) for name in models],
            instruments=self.instruments,
            clock=self.clock,
            **more,
        )

    def offered(self):
        return [(one.deed, one.strategy) for one in self.source.actions()]

    def action(self, deed, strategy=None):
        (found,) = [
            one for one in self.source.actions() if (one.deed, one.strategy) == (deed, strategy)
        ]
        return found

    def take(self, deed, strategy=None):
        return self.source.take(self.action(deed, strategy))


def everything(stand):
    """Take all there is, in the order of the offers."""
    found = []
    while offered := stand.source.actions():
        found.append(stand.source.take(offered[0]))
    return found


QUESTIONS = Task(
    name="manual",
    kind="question-answering",
    instruction="Answer the question about the manual.",
    metric="token_f1",
)
LIBRARY = [
    Document(id=colour, text=f"{colour} things are kept in room {colour}.") for colour in COLOURS
]


def with_sources(**more):
    """Questions of which those of validation name the document that holds the answer."""
    data = Unseen(QUESTIONS, documents=LIBRARY, **more)
    data.validation = tuple(
        row.model_copy(update={"sources": (row.output,)}) for row in data.validation
    )
    return data
