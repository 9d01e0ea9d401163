"""What tells one prepared strategy from another: everything that preparing it sees."""

import pytest
from conftest import key_for
from test_summary import run_record

from benchmarks import code
from benchmarks.plan import difference, fingerprint, plan_run, task_facts
from corpora.task import Document, Needs, Search
from strategies.baselines import Linear, Majority, Nearest
from strategies.cascade import Cascade
from strategies.embedding import HashingEmbedder
from strategies.models.cached import CachedModel
from strategies.models.local import LocalModel
from strategies.zero_shot import ZeroShot


def parts(dataset):
    """Each changes one thing that preparing sees."""
    task, one = dataset.task, dataset.train[0]
    other = one.model_copy(update={"output": "blue"})
    return {
        "instruction": {"task": task.model_copy(update={"instruction": "Name the other colour."})},
        "labels": {"task": task.model_copy(update={"labels": (*task.labels, "pink")})},
        "metric": {"task": task.model_copy(update={"metric": "macro_f1"})},
        "training rows": {"train": (other, *dataset.train[1:])},
        "their order": {"train": dataset.train[::-1]},
        "validation rows": {"validation": dataset.validation[1:]},
        "documents": {"documents": (Document(id="d", text="About paint."),)},
    }


def test_whatever_preparing_sees_is_in_the_key(dataset, cache):
    keys = {key_for(dataset, cache)}
    for changes in parts(dataset).values():
        keys.add(key_for(dataset.model_copy(update=changes), cache))
    keys.add(key_for(dataset, cache, seed=1))
    keys.add(key_for(dataset, cache, Nearest(embedder=HashingEmbedder(128))))
    keys.add(key_for(dataset, cache, Linear(embedder=HashingEmbedder())))
    keys.add(key_for(dataset, cache, Majority()))
    assert None not in keys
    assert len(keys) == 1 + len(parts(dataset)) + 4


def test_what_preparing_never_sees_is_not(dataset, cache):
    same = key_for(dataset, cache)
    assert key_for(dataset, cache) == same
    assert key_for(dataset.model_copy(update={"test": dataset.test[1:]}), cache) == same
    needs = dataset.task.model_copy(update={"needs": Needs(quality_at_least=0.9)})
    assert key_for(dataset.model_copy(update={"task": needs}), cache) == same


def cascade(**parts):
    return Cascade(embedder=HashingEmbedder(), **parts)


def test_the_parts_of_a_cascade_and_their_settings_are_in_the_key(dataset, cache):
    def changed():
        strategy = cascade(cheap="baseline.nearest", dear="prompt.few-shot")
        strategy.parts[1].shots = 4
        return strategy

    strategies = [
        cascade(cheap="baseline.nearest", dear="prompt.few-shot"),
        cascade(cheap="baseline.linear", dear="prompt.few-shot"),
        cascade(cheap="baseline.nearest", dear="prompt.zero-shot"),
        changed(),
    ]
    keys = [key_for(dataset, cache, each) for each in strategies]
    assert None not in keys
    assert len(set(keys)) == 4
    again = cascade(cheap="baseline.nearest", dear="prompt.few-shot")
    assert key_for(dataset, cache, again) == keys[0]
    again.parts[0].extra = object()  # a setting without a plain value
    assert key_for(dataset, cache, again) is None


def test_the_margin_that_a_cascade_chooses_by_is_in_the_key(dataset, cache):
    needs = dataset.task.model_copy(update={"needs": Needs(practical_margin=0.1)})
    lenient = dataset.model_copy(update={"task": needs})
    assert key_for(lenient, cache) == key_for(dataset, cache)
    one, other = (
        key_for(each, cache, cascade(cheap="baseline.linear", dear="prompt.nearest"))
        for each in (dataset, lenient)
    )
    assert one != other


def test_the_code_of_a_part_is_looked_at(dataset, cache, monkeypatch):
    strategy = cascade(cheap="baseline.linear", dear="prompt.nearest")
    monkeypatch.setattr(type(strategy.parts[1]), "__module__", "sys")  # which has no source
    assert key_for(dataset, cache, strategy) is None


def searching():
    strategy = Nearest(embedder=HashingEmbedder())
    strategy.__class__ = type("Searching", (Nearest,), {"searches": True})
    return strategy


def with_budget(dataset, seconds):
    task = dataset.task.model_copy(update={"search": Search(trials=3, seconds=seconds)})
    return dataset.model_copy(update={"task": task})


def test_the_search_budget_is_in_the_key_of_those_that_search_alone(dataset, cache):
    plain = [key_for(with_budget(dataset, seconds), cache) for seconds in (60, 120)]
    assert plain[0] == plain[1] == key_for(dataset, cache) is not None
    found = [key_for(with_budget(dataset, seconds), cache, searching()) for seconds in (60, 120)]
    assert None not in found
    assert found[0] != found[1]


def test_the_search_budget_is_in_the_fingerprint_where_one_searches(dataset):
    def prints(*strategies):
        entries = plan_run(dataset, strategies, [])
        return [fingerprint(with_budget(dataset, s), entries, {}, 0) for s in (60, 120)]

    one, other = prints(Majority(), Nearest(embedder=HashingEmbedder()))
    assert one == other
    one, other = prints(Majority(), searching())
    assert one != other


def test_another_search_budget_is_told_as_the_difference(dataset):
    old = run_record("zero")
    task = old.task.model_copy(update={"search": Search(trials=3)})
    assert difference(old, old.model_copy(update={"task": task})) == "search budget"
    rows = task.model_copy(update={"n_test": 7, "search": None})
    assert difference(old, old.model_copy(update={"task": rows})) == "number of rows"


def test_the_facts_of_a_run_tell_who_searches_and_within_what(dataset):
    entries = plan_run(dataset, [Majority(), searching()], [])
    assert [entry.facts.searches for entry in entries] == [False, True]
    assert task_facts(with_budget(dataset, 60)).search == Search(trials=3, seconds=60)


def test_the_model_is_in_the_key(dataset, cache, tiny):
    plain = LocalModel.variant(tiny, tiny.network, "other weights")
    keys = [
        key_for(dataset, cache, ZeroShot(), model) for model in (tiny, CachedModel.around(plain))
    ]
    assert None not in keys
    assert len(set(keys)) == 2


@pytest.mark.parametrize("setting", ["OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"])
def test_the_machine_and_its_settings_are_in_the_key(dataset, cache, monkeypatch, setting):
    same = key_for(dataset, cache)
    monkeypatch.setenv(setting, "7")
    assert key_for(dataset, cache) != same


def test_other_code_is_another_key_and_changed_code_is_none(tmp_path, monkeypatch):
    package = tmp_path / "plugin_under_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("plugin_under_test")
    assert code.code_of("plugin_under_test.part") is None  # written since this process started
    monkeypatch.setattr(code, "STARTED", code.STARTED + 3600)
    first = code.code_of("plugin_under_test.part", "strategies.base")
    assert first is not None
    code._of_files.cache_clear()  # as another process would find it
    (package / "part.py").write_text("VALUE = 2\n")
    assert code.code_of("plugin_under_test.part", "strategies.base") != first
    assert code.code_of("no_such_package_here") is None
    assert code.code_of("sys") is None
