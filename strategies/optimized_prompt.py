"""The strongest prompt that a search on the validation rows finds within the task's budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from corpora.task import Document, Example, Task
from strategies.answering import answer_limit
from strategies.base import Answer, Family, Progress, Score, no_progress
from strategies.calibration import calibrated, label_shares, prior_of, weights_from
from strategies.embedding import Embedder, default_embedder
from strategies.few_shot import NearestPrompt
from strategies.fixed_prompt import FixedPrompt
from strategies.models.base import Model
from strategies.neighbours import Neighbours
from strategies.prepared_prompt import PreparedPrompt
from strategies.prompt_settings import Instruction, PromptSettings, reworded
from strategies.prompting import answer_form, shots_from
from strategies.saving import need_model, need_rows
from strategies.search import Search, Setting, Trial, Variants, judging_rows
from strategies.shots import balanced_examples, diverse_examples, random_examples

CALIBRATION = "calibration"
NONE = "none"
FEWEST_CALIBRATING = 8
"""On fewer inputs a label's mean probability tells of these inputs, not of the model."""
INSTRUCTIONS: tuple[Instruction, ...] = (
    "with label words",
    "with answer rules",
    "short",
    "given",
)
STARTS = (
    PromptSettings(),
    PromptSettings(choice="balanced"),
    PromptSettings(shots=0, choice="balanced"),
)
"""The family's three defaults, from which the search goes on with the best."""


class OptimizedPrompt:
    """The best prompt found on validation: number, choice and order of worked examples, wording
    of instruction and labels, answer form, and calibration by the labels' prior.

    The three plain prompts are tried first; then one thing at a time is changed about the best
    one so far, what usually matters most first, and a change that does better stays.
    """

    name = "prompt.optimized"
    family: Family = "prompting"
    needs_model = True
    searches = True
    shots = STARTS[0].shots  # of the first trial, by which a quote reckons

    def __init__(self, *, embedder: Embedder | None = None) -> None:
        self.embedder = embedder

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        return None

    def prepare(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        documents: Sequence[Document],
        model: Model | None,
        score: Score,
        *,
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> PreparedPrompt:
        model = need_model(self.name, model)
        need_rows(self.name, train)
        workshop = Workshop(task, train, model, self.embedder or default_embedder(), seed)
        search = Search(task.search, judging_rows(validation, seed), score, progress)
        best = best_settings(search, workshop) if search.rows else STARTS[0]
        weights = workshop.weights.get((best, calibration_of(search.best)), {})
        return replace(workshop.build(best), weights=weights, training=search.record())

    def load(self, folder: Path, task: Task, model: Model | None) -> PreparedPrompt:
        return PreparedPrompt.load(folder, task, need_model(self.name, model), self.embedder)


def calibration_of(trial: Trial | None) -> str:
    return str(trial.settings[CALIBRATION]) if trial is not None else NONE


def best_settings(search: Search, workshop: Workshop) -> PromptSettings:
    """The starts, then one change at a time about the best, until nothing helps or is left."""
    tried: dict[object, PromptSettings] = {}

    def attempt(settings: PromptSettings) -> bool:
        key = workshop.effect(settings)
        if key in tried or not search.open:
            return False
        tried[key] = settings
        before = search.best
        told = {**settings.told(), CALIBRATION: NONE}
        since = search.clock()
        made = workshop.build(settings)
        search.judge(made, told, workshop.calibrations(settings), since=since)
        return search.best is not before

    best = STARTS[0]
    for start in STARTS:
        best = start if attempt(start) else best
    better = True
    while better and search.open:
        found = next((move for move in moves(best) if attempt(move)), None)
        best, better = found or best, found is not None
    return best


def moves(settings: PromptSettings) -> Iterator[PromptSettings]:
    """Changes of one thing each, those that usually matter most first."""
    if settings.shots:
        yield replace(settings, shots=2 * settings.shots)
    for instruction in INSTRUCTIONS:
        yield replace(settings, instruction=instruction)
    if settings.shots:
        yield replace(settings, shots=settings.shots // 2)
    yield replace(settings, wording="spaced")
    if settings.shots and settings.choice == "nearest":
        yield replace(settings, order="first")
    elif settings.shots:
        for choice in ("diverse", "random", "balanced"):
            yield replace(settings, choice=choice)
        yield replace(settings, draw=settings.draw + 1)
    yield replace(settings, form="not told" if settings.form == "told" else "told")
    yield replace(settings, wording="capitalised")


@dataclass
class Workshop:
    """Makes prompts of settings. Training inputs are embedded once, where a setting needs it."""

    task: Task
    train: Sequence[Example]
    model: Model
    embedder: Embedder
    seed: int
    weights: dict[tuple[PromptSettings, str], dict[str, float]] = field(default_factory=dict)

    @cached_property
    def neighbours(self) -> Neighbours:
        return Neighbours.build([row.input for row in self.train], self.embedder)

    def form(self, settings: PromptSettings) -> str:
        return answer_form(self.task, self.train) if settings.form == "told" else ""

    def effect(self, settings: PromptSettings) -> object:
        """What of the settings reaches the prompt: two with the same effect are the same."""
        task, _ = reworded(self.task, self.train, settings)
        texts = (task.instruction, task.labels, self.form(settings))
        if not settings.shots:
            return texts
        nearest = settings.choice == "nearest"
        how = settings.order if nearest else settings.draw
        return *texts, min(settings.shots, len(self.train)), settings.choice, how

    def build(self, settings: PromptSettings) -> PreparedPrompt:
        """The prompt, not calibrated. In the seed of the choice stand run and draw."""
        task, names = reworded(self.task, self.train, settings)
        renamed = [
            row.model_copy(update={"output": names.get(row.output, row.output)})
            for row in self.train
        ]
        form = self.form(settings)
        limit = answer_limit(task, self.model, self.train)  # of the labels as they are shown
        inner: FixedPrompt | NearestPrompt
        if settings.shots and settings.choice == "nearest":
            inner = NearestPrompt(
                task,
                self.model,
                shots_from(renamed),
                self.neighbours,
                settings.shots,
                limit,
                form,
                settings.order == "last",
            )
        else:
            chosen = shots_from(self.chosen(task, renamed, settings))
            inner = FixedPrompt(task, self.model, chosen, limit, form)
        return PreparedPrompt(inner, names if self.task.labels else {}, {})

    def chosen(
        self, task: Task, rows: Sequence[Example], settings: PromptSettings
    ) -> list[Example]:
        """The fixed examples of a prompt."""
        count, seed = settings.shots, self.seed + settings.draw
        if settings.choice == "diverse" and count:
            return diverse_examples(rows, self.neighbours.vectors, count, seed=seed)
        if settings.choice == "random":
            return random_examples(rows, count, seed=seed)
        return balanced_examples(task, rows, count, seed=seed)

    def calibrations(self, settings: PromptSettings) -> Variants:
        """The answers with the labels' prior divided out, and with training's shares instead."""

        def variants(
            told: Mapping[str, Setting], answers: Sequence[Answer]
        ) -> Iterator[tuple[Mapping[str, Setting], Sequence[Answer]]]:
            prior = prior_of(answers) if len(answers) >= FEWEST_CALIBRATING else None
            if prior is None:
                return
            shares = label_shares(tuple(prior), self.train)
            for kind, weights in (
                ("even labels", weights_from(prior)),
                ("labels as in training", weights_from(prior, shares)),
            ):
                self.weights[settings, kind] = weights
                read = [calibrated(answer, weights) for answer in answers]
                yield {**told, CALIBRATION: kind}, read

        return variants
