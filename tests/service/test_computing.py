"""What a worker computes unit by unit is what the command line computes in one go."""

import sys
from dataclasses import replace

import pytest
from endpoint import COLOURS, endpoint
from in_process import as_folder, do_all, key_of, services_of, stored, units_of
from serving import API, client_of, start

from benchmarks.costs import read_prices
from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import EndRecord, RunRecord
from benchmarks.untimed import untimed
from service.comparing import compare
from service.computing import Computer, OneModel
from service.forecasting.hope import hope
from service.orders import BEGIN, FINISH, RACE
from service.report import build_report
from service.specs import dataset_from
from service.verify import verify
from strategies.models.scripted import ScriptedModel

STRATEGIES = ["baseline.majority", "prompt.zero-shot", "prompt.few-shot"]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The endpoint, configured as team-gpt at a dollar a million tokens."""
    with endpoint() as running:
        models, prices = tmp_path / "models.yaml", tmp_path / "prices.yaml"
        models.write_text(f"team-gpt: {{base_url: '{running.url}', model: m-1}}\n")
        price = "{input: 1.0, cached: 1.0, output: 10.0, source: test, as_of: 2026-06}"
        prices.write_text(f"models:\n  team-gpt: {price}\n")
        monkeypatch.setenv("TUNEWORTH_MODELS", str(models))
        monkeypatch.setenv("TUNEWORTH_PRICES", str(prices))
        yield running


def spec(**fields):
    splits = ["train"] * 12 + ["validation"] * 30 + ["test"] * 20
    rows = [
        {
            "id": f"r{n}",
            "input": f"Order {n}: paint {n * 7919} in {COLOURS[n % 3]}, please.",
            "output": COLOURS[n % 3],
            "split": split,
        }
        for n, split in enumerate(splits)
    ]
    return {
        "name": "colours",
        "kind": "classification",
        "instruction": "Name the colour that the customer asks for.",
        "examples": rows,
        "model": "team-gpt",
        "strategies": STRATEGIES,
        **fields,
    }


@pytest.mark.parametrize("race", [False, True])
def test_unit_by_unit_it_is_the_same_comparison(server, tmp_path, race) -> None:
    with client_of(tmp_path / "data") as client:
        at = services_of(client)
        task = client.post(f"{API}/tasks", json=spec()).headers["Location"]
        key = key_of(start(client, task, race=race, probes=False, spend_at_most_usd=1.0))
        do_all(at, key)
        assert at.store.comparison(key, None).state == "completed"
        names = [unit.name for unit in units_of(at, key)]
        assert names == [BEGIN, *([RACE] if race else []), *STRATEGIES, FINISH]
        service = stored(at, key)
        folder = as_folder(at, key, tmp_path / "service")
        assert verify(folder) == []
        report = client.get(f"{API}/comparisons/{key}/report.json").json()
    [end] = [one for one in service if isinstance(one, EndRecord)]
    assert end.seconds == pytest.approx(sum(unit.seconds for unit in units_of(at, key)), rel=0.5)

    dataset, out, prices = dataset_from(spec()), tmp_path / "cli", read_prices()
    may_win = hope(dataset, Journal(out / JOURNAL), strategies=None, prices=prices)
    may = may_win if race else None
    compare(dataset, out=out, prices=prices, race=race, may_win=may, probes=False)
    alone = Journal(out / JOURNAL).read()
    assert untimed(service) == untimed(alone)
    ours, theirs = (build_report(untimed(found)) for found in (service, alone))
    assert ours.recommendation == theirs.recommendation
    assert report["strategies"] == build_report(service).model_dump(mode="json")["strategies"]


def test_a_process_loads_a_model_once_for_all_units(monkeypatch) -> None:
    made = []

    def load(name):
        made.append(name)
        return ScriptedModel(str, name=name)

    monkeypatch.setattr("service.computing.load_named", load)
    model = OneModel()
    first = model.load("one")
    assert model.load("one") is first
    model.load("two")
    model.load("one")
    assert made == ["one", "two", "one"]
    model.let_go()
    model.load("one")
    assert made == ["one", "two", "one", "one"]


def test_memory_is_looked_through_only_for_a_model_that_was_in_it(monkeypatch) -> None:
    looked = []
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("service.computing.load_named", lambda name: ScriptedModel(str, name=name))
    monkeypatch.setattr("gc.collect", lambda: looked.append(True))
    model = OneModel()
    model.load("one")
    assert not looked
    model.load("two")
    assert len(looked) == 1
    model.let_go()
    model.let_go()
    assert len(looked) == 2
    monkeypatch.setitem(sys.modules, "torch", None)
    model.let_go()
    assert len(looked) == 3, "half a load may have left weights"


def test_each_comparison_of_a_worker_reads_the_prices_that_hold_then(server, tmp_path) -> None:
    """One worker goes on for weeks, and the operator changes prices and keys meanwhile."""
    prices, computer, costs = tmp_path / "prices.yaml", Computer(), []
    with client_of(tmp_path / "data") as client:
        at = services_of(client)
        task = client.post(f"{API}/tasks", json=spec()).headers["Location"]
        for price in (1.0, 7.0):
            told = f"{{input: {price}, cached: {price}, output: 10.0, source: t, as_of: 2026-06}}"
            prices.write_text(f"models:\n  team-gpt: {told}\n")
            key = key_of(start(client, task, probes=False, spend_at_most_usd=1.0))
            do_all(at, key, computer)
            [run] = [one for one in stored(at, key) if isinstance(one, RunRecord)]
            costs.append(run.prices["models"]["team-gpt"]["input"])
    assert costs == [1.0, 7.0]


def test_what_broke_in_a_unit_is_kept_for_no_other(server, tmp_path) -> None:
    """A training that was stopped in its midst may have left a model unusable."""
    let_go = []
    with client_of(tmp_path / "data") as client:
        at = services_of(client)
        task = client.post(f"{API}/tasks", json=spec()).headers["Location"]
        computer = Computer()
        computer._model.let_go = lambda: let_go.append(True)
        cancelled = lambda order: computer(replace(order, cancelled=lambda: True))  # noqa: E731
        key = key_of(start(client, task, spend_at_most_usd=1.0))
        do_all(at, key, cancelled)
        assert at.store.comparison(key, None).state == "cancelled"
    assert let_go
    assert computer._setting is None
