"""One strategy's turn in a run: prepare, answer, time, check; each step stored as it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from benchmarks.errors import Cancelled
from benchmarks.grounding import SourceTexts
from benchmarks.guard import Broken, guarded
from benchmarks.journal import Records
from benchmarks.judging import judge, scorer
from benchmarks.latency import REQUESTS, enough, time_requests
from benchmarks.placing import Shelf
from benchmarks.plan import Entry
from benchmarks.preparing import Preparing
from benchmarks.progress import Reporter
from benchmarks.records import BatchRecord, FailureRecord, OutcomeRecord, Record
from benchmarks.reuse import Reuse
from benchmarks.sentinels import BATCH_ROWS, affordable_rows, check_strategy
from benchmarks.standing import Standing, standing_of
from corpora.task import Dataset, Example
from strategies.base import Answer, Prepared
from strategies.models.account import scoped
from strategies.models.base import Model
from strategies.reuse import Kind

CHUNK = 16
"""Test inputs answered at once. Chunks start at multiples of it, in a rerun too."""
FRESH_BATCHES = 4
"""Batches of a strategy that are always computed, so that its throughput is measured in this run;
only then may replies come from the cache."""


class Sitting:
    """The turn of one entry. `before` is always the journal as this process found it."""

    def __init__(
        self,
        entry: Entry,
        dataset: Dataset,
        shelf: Shelf,
        journal: Records,
        seed: int,
        reporter: Reporter,
        cancelled: Callable[[], bool],
        reuse: Reuse,
    ) -> None:
        self.entry = entry
        self.dataset = dataset
        self.shelf = shelf
        self.folder = shelf.folder
        self.journal = journal
        self.seed = seed
        self.reporter = reporter
        self.cancelled = cancelled
        self.reuse = reuse
        self.score = scorer(dataset.task)
        self.texts = SourceTexts(dataset.documents)
        self.preparing = Preparing(
            entry, dataset, shelf, seed, self.score, reporter, reuse, self.store, self.poll
        )

    def is_done(self, before: Sequence[Record], *, hosted: bool) -> bool:
        """Whether nothing is left to do: skipped, or prepared, answered, timed and checked."""
        standing = standing_of(before, self.entry.id)
        if standing.setup is None or standing.failure or standing.setup.status == "failed":
            return False
        if standing.setup.status == "skipped":
            return True
        every = {example.id for example in self.dataset.test}
        checked = standing.checked or not self.entry.model or hosted
        answered = standing.settled(hosted=hosted) >= every
        return answered and enough(standing.latencies, hosted=hosted) and checked

    def has_answered(self, before: Sequence[Record]) -> bool:
        """Whether an earlier sitting got to the end of the test rows, errors among them or not."""
        standing = standing_of(before, self.entry.id)
        return standing.failure is None and standing.answered >= {e.id for e in self.dataset.test}

    def work(self, before: Sequence[Record], model: Model | None) -> Prepared | None:
        """Do what is left. What the strategy raises is stored as its failure.

        Returns the strategy as it answers, None where it does not.
        """
        standing = standing_of(before, self.entry.id)
        prepared = self.preparing.ready(standing, model)
        if prepared is None:
            return None
        try:
            self.measure(prepared, standing, model)
        except Broken as broken:
            self.store(FailureRecord(strategy=self.entry.id, reason=str(broken)))
            return None
        return prepared

    def measure(self, prepared: Prepared, standing: Standing, model: Model | None) -> None:
        """Time single requests, answer the test rows, run the guards, as far as that is left."""
        hosted = model is not None and model.hosted
        answered = self.time_single(prepared, standing, hosted=hosted)
        self.answer_test(prepared, answered, len(standing.batches))
        if model is not None and not hosted and not standing.checked:
            self.check(prepared, standing)

    def answer_test(self, prepared: Prepared, answered: Collection[str], computed: int) -> None:
        """Answer what is left of the test split chunk by chunk, in its own order; `computed`
        batches of it were computed in an earlier sitting."""
        rows = self.dataset.test
        for start in range(0, len(rows), CHUNK):
            chunk = [row for row in rows[start : start + CHUNK] if row.id not in answered]
            self.reporter.tell("answering", start / len(rows))
            if not chunk:
                continue
            self.poll()
            kinds: tuple[Kind, ...] = () if computed < FRESH_BATCHES else ("generation",)
            with scoped(f"{self.entry.id}/answer/{start}"), self.reuse.opened(*kinds) as session:
                began = time.perf_counter()
                answers = self.answers(prepared, [row.input for row in chunk])
                seconds = time.perf_counter() - began
            reused = session.hits > 0
            computed += not reused
            outcomes = [
                self.judged(example, answer) for example, answer in zip(chunk, answers, strict=True)
            ]
            batch = BatchRecord(
                strategy=self.entry.id,
                n=len(chunk),
                # of a reused one the time that passed, which counts for no speed
                seconds=seconds if reused else session.charged(seconds),
                reused=reused,
            )
            self.journal.append([*outcomes, batch])

    def judged(self, example: Example, answer: Answer) -> OutcomeRecord:
        return judge(self.entry.id, self.dataset.task, example, answer, self.texts)

    def answers(self, prepared: Prepared, inputs: Sequence[str]) -> list[Answer]:
        """The strategy's answers; one too few or too many is a fault of the strategy."""
        answers = guarded(lambda: prepared.answer(inputs), self.folder)
        if len(answers) != len(inputs):
            raise Broken(f"gave {len(answers)} answers to {len(inputs)} inputs")
        return answers

    def time_single(self, prepared: Prepared, standing: Standing, *, hosted: bool) -> set[str]:
        """Time single requests; returns the ids of all test rows that are answered by then.

        The answers count for the first half of the test rows; the other half is answered in
        batches, so that throughput is measured too.
        """
        requests = time_requests(
            self.entry.id,
            lambda inputs: self.answers(prepared, inputs),
            self.dataset.test,
            hosted=hosted,
            taken=standing.latencies,
        )
        answered = set(standing.settled(hosted=hosted))
        counting = {row.id for row in self.dataset.test[: len(self.dataset.test) // 2]}
        done = len(standing.latencies)
        self.reporter.tell("timing", done / REQUESTS)
        for example, answer, latency in requests:
            records: list[Record] = [latency] if latency else []
            if example.id in counting - answered:
                records.insert(0, self.judged(example, answer))
                answered.add(example.id)
            self.journal.append(records)
            done += latency is not None
            self.reporter.tell("timing", done / REQUESTS)
            self.poll()
        return answered

    def check(self, prepared: Prepared, standing: Standing) -> None:
        """Run the sentinels on validation rows (training rows where there are none)."""
        self.reporter.tell("checking", 0.0)
        data = self.dataset
        rows = (data.validation or data.train)[:BATCH_ROWS]
        records = guarded(
            lambda: check_strategy(
                self.entry.id,
                self.entry.strategy.family,
                prepared,
                rows,
                self.score,
                train=data.train,
                poll=self.poll,
                batch_rows=affordable_rows(standing_of(self.journal, self.entry.id).latencies),
            ),
            self.folder,
        )
        self.journal.append(records)

    def store(self, record: Record) -> None:
        self.journal.append([record])

    def poll(self) -> None:
        """Raises Cancelled where the caller asked to stop; all done so far is stored."""
        if self.cancelled():
            raise Cancelled(f"stopped at {self.entry.id}; run again to continue.")
