"""A comparison stage by stage, each as in a process of its own, and killed before each append."""

import gc
import shutil
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import pytest
from conftest import rows
from tinystrategies import Tiny, always_red, right

from benchmarks import stages
from benchmarks.errors import RunMismatch, UnknownMetric
from benchmarks.journal import Journal, line_of
from benchmarks.model_slot import ModelSlot
from benchmarks.placing import FolderShelf
from benchmarks.progress import ignore_progress
from benchmarks.race_records import EliminationRecord
from benchmarks.raced import tracks_of
from benchmarks.records import (
    RECORD,
    CurveRecord,
    EndRecord,
    FailureRecord,
    LatencyRecord,
    ProbeRecord,
    SetupRecord,
)
from benchmarks.runner import never, run_comparison
from benchmarks.stages import Setting
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from benchmarks.untimed import untimed
from corpora.errors import InvalidInput
from corpora.task import Incumbent, IncumbentAnswer, Needs
from strategies.base import Answer, Training
from strategies.models.scripted import ScriptedModel


class Killed(BaseException):
    """The process ends; no code of ours gets to know."""


class Memory:
    """Records of earlier stages and of this one, which ends before the append after `appends`."""

    def __init__(self, before=(), appends=None):
        self.before = list(before)
        self.own = []
        self.appends = appends

    def read(self):
        return [*self.before, *self.own]

    mend = read

    def __iter__(self):
        return iter(self.read())

    def append(self, records):
        if self.appends == 0:
            raise Killed
        if self.appends is not None:
            self.appends -= 1
        self.own += [RECORD.validate_json(line_of(record)) for record in records]


def red(prompt):
    return "red"


@dataclass
class Trained(Tiny):
    """One that trains: it reports its epochs."""

    family: str = "fine-tuning"

    def prepare(self, *args, **more):
        speaker = super().prepare(*args, **more)
        speaker.training = Training(epochs=2)
        return speaker


@dataclass
class Case:
    """A comparison, with new strategies and models in every process."""

    dataset: object
    prices: object
    strategies: object
    models: object = ()
    probes: bool = False
    race: bool = False

    def loaders(self):
        return {name: partial(ScriptedModel, red, name=name) for name in self.models}

    def setting(self, folder, loaders=None):
        return Setting(
            dataset=self.dataset,
            strategies=tuple(self.strategies()),
            slot=ModelSlot(loaders or self.loaders(), lambda name: None, folder),
            shelf=FolderShelf(folder),
            seed=0,
            prices=self.prices,
            on_progress=ignore_progress,
            cancelled=never,
            probes=self.probes,
        )

    def at_once(self, folder):
        """The records of one run; the last one only tells how long it took."""
        *records, end = run_comparison(
            self.dataset,
            strategies=self.strategies(),
            models=self.loaders(),
            folder=folder,
            prices=self.prices,
            probes=self.probes,
            race=self.race,
        )
        assert isinstance(end, EndRecord)
        return records

    def opened(self, folder):
        """The records of the beginning and of the race, and who is over."""
        planned = Memory()
        stages.begin(self.setting(folder), planned)
        raced = Memory(planned.own)
        over = frozenset()
        if self.race:
            over = stages.race(self.setting(folder), latest_run(planned.own), raced)
        return raced.read(), over

    def by_units(self, folder, order=list):
        """The records of stages that see no more than they have to; strategies in that order."""
        before, over = self.opened(folder)
        run = latest_run(before)
        names = [entry.id for entry in self.setting(folder).entries]
        taken = {name: Memory(before) for name in names}
        for name in order(names):
            stages.take(self.setting(folder), run, taken[name], name, over=name in over)
        found = [*before, *(record for name in names for record in taken[name].own)]
        while left := stages.again(found, run):
            for name in left:
                anew = Memory(found)
                stages.take(self.setting(folder), run, anew, name)
                found += anew.own
        return found


def of(records, kind):
    return [record for record in records if isinstance(record, kind)]


def statuses(records):
    return {track.id: track.status for track in tracks_of(records, latest_run(records))}


def often(share):
    """Right on that share of the rows, spread over them."""

    def say(text):
        at = int(text.split()[2].rstrip(":"))
        return right(text) if int((at + 1) * share) > int(at * share) else Answer("none of them")

    return say


def breaks(text):
    raise RuntimeError("cannot say")


def breaks_in_the_test(text):
    return breaks(text) if text.startswith("test") else right(text)


@pytest.fixture(autouse=True)
def nothing_to_collect():
    """Every model that is loaded collects garbage first: here thousands of times."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def dataset(dataset):
    """Without a stated volume cost goes by family, so no measured second decides anything; with
    four validation rows or a fast guard, none decides how many are asked either."""
    task = dataset.task.model_copy(update={"needs": Needs()})
    return dataset.model_copy(update={"task": task, "test": rows("test", 20)})


@pytest.fixture
def plain(dataset, prices):
    """Everything but a race: what runs today, two models, a curve, probes, and who does not
    complete."""
    task = dataset.task.model_copy(update={"learning_curve": True})
    answers = tuple(IncumbentAnswer(id=row.id, output="red") for row in dataset.test)
    changed = {
        "task": task,
        "validation": rows("validation", 4),
        "incumbent": Incumbent(source="a.jsonl", answers=answers),
    }

    def strategies():
        return (
            Tiny(often(0.3), name="baseline.near"),
            Tiny(always_red, name="prompt.red", family="prompting", needs_model=True),
            Tiny(breaks, name="prompt.mute", family="prompting"),
            Tiny(right, name="rag", family="rag", excuse="rag needs documents"),
            Trained(often(0.8), name="lora"),
        )

    given = dataset.model_copy(update=changed)
    return Case(given, prices, strategies, models=("one", "two"), probes=True)


@pytest.fixture
def raced(dataset, prices):
    def strategies():
        return (
            Tiny(often(0.3), name="baseline.near"),
            Tiny(right, name="prompt.good", family="prompting"),
            Tiny(often(0.4), name="rag.bad", family="rag"),
            Trained(often(0.5), name="lora"),
        )

    given = dataset.model_copy(update={"validation": rows("validation", 60)})
    return Case(given, prices, strategies, race=True)


@pytest.fixture
def groundless(raced):
    """Who stops the other one breaks in the test."""

    def strategies():
        return (
            Tiny(breaks_in_the_test, name="prompt.good", family="prompting"),
            Tiny(often(0.4), name="rag.bad", family="rag"),
        )

    return replace(raced, strategies=strategies)


@pytest.fixture(params=["plain", "raced", "groundless"])
def case(request):
    return request.getfixturevalue(request.param)


def test_the_cases_hold_what_they_are_for(plain, raced, groundless, tmp_path):
    records = plain.at_once(tmp_path / "plain")
    assert statuses(records) == {
        "incumbent": "completed",
        "baseline.near": "completed",
        "prompt.mute": "failed",
        "rag": "skipped",
        "lora": "completed",
        "prompt.red@one": "completed",
        "prompt.red@two": "completed",
    }
    assert len(of(records, CurveRecord)) == 2
    assert len(of(records, ProbeRecord)) == 4 * 3
    found = statuses(raced.at_once(tmp_path / "raced"))
    assert [name for name, status in found.items() if status == "eliminated"] == ["rag.bad", "lora"]
    found = statuses(groundless.at_once(tmp_path / "groundless"))
    assert found == {"prompt.good": "failed", "rag.bad": "completed"}


def test_stages_one_by_one_give_the_records_of_one_run(case, tmp_path):
    whole = case.at_once(tmp_path / "one")
    assert untimed(case.by_units(tmp_path / "many")) == untimed(whole)


@pytest.mark.parametrize("order", [reversed, lambda names: [*names[2:], *names[:2]]])
def test_units_in_any_order_give_the_same_records(case, tmp_path, order):
    whole = case.at_once(tmp_path / "one")
    assert untimed(case.by_units(tmp_path / "many", order)) == untimed(whole)


def test_units_in_any_order_give_the_same_report(raced, tmp_path):
    whole = summarise(untimed(raced.at_once(tmp_path / "one")))
    assert summarise(untimed(raced.by_units(tmp_path / "many", reversed))) == whole


def test_a_race_in_its_own_unit_stops_the_same_strategies(raced, tmp_path):
    whole = raced.at_once(tmp_path / "one")
    records, over = raced.opened(tmp_path / "two")
    assert over == {"rag.bad", "lora"}
    assert of(records, EliminationRecord) == of(whole, EliminationRecord)


# killed before each append


def killed_before_each(stage, before, folder):
    """What a stage stores that is killed before an append and called again, for every append.

    `stage` is given a folder like `folder`, and records.
    """
    for appends in count():
        copy = folder.with_name(f"killed before {appends}")
        shutil.copytree(folder, copy)
        journal = Memory(before, appends)
        try:
            stage(copy, journal)
        except Killed:
            journal.appends = None
            stage(copy, journal)
            shutil.rmtree(copy)
            yield journal.own
        else:
            return


def assert_goes_on(stage, before, folder, fewest):
    folder.mkdir(exist_ok=True)
    copy = folder.with_name("undisturbed")
    shutil.copytree(folder, copy)
    whole = Memory(before)
    stage(copy, whole)
    kills = 0
    for found in killed_before_each(stage, before, folder):
        assert untimed(found) == untimed(whole.own), f"killed before append {kills + 1}"
        kills += 1
    assert kills >= fewest
    return whole, copy


def test_the_beginning_killed_before_each_append_goes_on(plain, tmp_path):
    def begin(folder, journal):
        stages.begin(plain.setting(folder), journal)

    whole, copy = assert_goes_on(begin, [], tmp_path / "run", fewest=3)
    known = list(whole.own)
    begin(copy, whole)
    assert whole.own == known


def test_a_race_killed_before_each_append_goes_on(raced, tmp_path):
    before = Memory()
    run = stages.begin(raced.setting(tmp_path / "run"), before)
    found = []

    def race(folder, journal):
        found.append(stages.race(raced.setting(folder), run, journal))

    assert_goes_on(race, before.own, tmp_path / "run", fewest=12)
    assert set(found) == {frozenset({"rag.bad", "lora"})}


@pytest.mark.parametrize(
    ("kind", "strategy", "fewest"),
    [
        ("plain", "baseline.near", 1 + 60 + 2 + 3),
        ("plain", "prompt.mute", 2),
        ("plain", "rag", 1),
        ("plain", "lora", 1 + 60 + 2 + 3 + 2 * 4),
        ("plain", "prompt.red@two", 1 + 60 + 2 + 1 + 3),
        ("raced", "prompt.good", 60 + 2),
    ],
)
def test_each_stage_killed_before_each_append_goes_on(kind, strategy, fewest, request, tmp_path):
    """Setup, single requests, batches, guards, probes, and two points with a line, a setup and
    batches of their own."""
    case = request.getfixturevalue(kind)
    before, _ = case.opened(tmp_path / "run")
    run = latest_run(before)

    def take(folder, journal):
        return stages.take(case.setting(folder), run, journal, strategy)

    whole, copy = assert_goes_on(take, before, tmp_path / "run", fewest)
    known = list(whole.own)
    worked = take(copy, whole)
    if strategy != "prompt.mute":  # who failed is tried again
        assert (worked, whole.own) == (False, known)


def test_who_was_stopped_for_nothing_killed_before_each_append_goes_on(groundless, tmp_path):
    before, over = groundless.opened(tmp_path / "run")
    run = latest_run(before)
    journal = Memory(before)
    for name in ("prompt.good", "rag.bad"):
        stages.take(groundless.setting(tmp_path / "run"), run, journal, name, over=name in over)
    assert stages.again(journal.read(), run) == ["rag.bad"]

    def take(folder, journal):
        stages.take(groundless.setting(folder), run, journal, "rag.bad")

    whole, _ = assert_goes_on(take, journal.read(), tmp_path / "run", fewest=63)
    assert stages.again(whole.read(), run) == []


def test_a_line_that_was_cut_short_is_no_ones(plain, tmp_path):
    """By a stage that another process begins after one was killed while it wrote."""
    journal = Journal(tmp_path / "outcomes.jsonl")
    run = stages.begin(plain.setting(tmp_path), journal)
    with journal.path.open("ab") as file:
        file.write(b'{"record":"setup","strategy":"base')
    stages.take(plain.setting(tmp_path), run, journal, "baseline.near")
    taken = Memory(plain.opened(tmp_path / "other")[0])
    stages.take(plain.setting(tmp_path / "other"), run, taken, "baseline.near")
    assert untimed(journal.read()) == untimed(taken.read())


# what is not as it was


def other_model(name):
    model = ScriptedModel(red, name=name)
    model.info = replace(model.info, fingerprint="scripted:another")
    return model


def test_another_fingerprint_fails_that_strategy_alone(plain, tmp_path):
    before, _ = plain.opened(tmp_path)
    journal, run = Memory(before), latest_run(before)
    loaders = plain.loaders() | {"two": partial(other_model, "two")}
    for entry in plain.setting(tmp_path).entries:
        stages.take(plain.setting(tmp_path, loaders), run, journal, entry.id)
    (failure,) = [row for row in of(journal.own, FailureRecord) if row.strategy != "prompt.mute"]
    assert (failure.strategy, failure.reason) == (
        "prompt.red@two",
        "the model two is not the one that the run began with:"
        " its fingerprint is scripted:another, not scripted:two",
    )
    assert statuses(journal.read())["prompt.red@one"] == "completed"
    assert {row.strategy for row in of(journal.own, LatencyRecord)} == {
        "baseline.near",
        "lora",
        "prompt.red@one",
    }


def test_a_model_that_the_run_does_not_know_fails_its_strategies(plain, tmp_path):
    def gone():
        raise InvalidInput("model", "two", "No key.")

    journal = Memory()
    run = stages.begin(plain.setting(tmp_path, plain.loaders() | {"two": gone}), journal)
    assert [model.name for model in run.models] == ["one"]
    stages.take(plain.setting(tmp_path), run, journal, "prompt.red@two")
    (failure,) = of(journal.own, FailureRecord)
    assert failure.reason == "the model two could not be loaded when the run began"
    assert of(journal.own, SetupRecord)[1:] == []  # but that of what runs today


@pytest.mark.parametrize("stage", [stages.race, partial(stages.take, strategy="lora")])
def test_a_run_of_something_else_is_refused_before_anything_is_stored(raced, tmp_path, stage):
    before = Memory()
    run = stages.begin(raced.setting(tmp_path), before)
    fewer = raced.dataset.model_copy(update={"test": raced.dataset.test[:19]})
    setting = replace(raced, dataset=fewer).setting(tmp_path)
    journal = Memory(before.own)
    with pytest.raises(RunMismatch, match="another data set"):
        stage(setting, run, journal)
    assert journal.own == []


def test_what_cannot_be_compared_is_refused_before_a_folder_is_made(raced, tmp_path):
    task = raced.dataset.task.model_copy(update={"metric": "beauty"})
    strange = replace(raced, dataset=raced.dataset.model_copy(update={"task": task}))
    with pytest.raises(UnknownMetric, match="beauty"):
        strange.setting(tmp_path / "run")
    with pytest.raises(UnknownMetric, match="beauty"):
        strange.at_once(tmp_path / "run")
    assert not (tmp_path / "run").exists()
