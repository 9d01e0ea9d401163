"""What a task states of costs is held against names before anything runs."""

from functools import partial

import pytest
from serving import API, client_of, spec
from test_comparing import LABELS, MAJORITY, rows

from benchmarks.costs import read_prices
from corpora.errors import InvalidInput
from corpora.task import Dataset, Deployment, Needs, Task
from service.comparing import compare, plan
from service.stated import FAMILIES, check_hours, check_stated

HOURS = {"engineer_usd_per_hour": 50.0}


@pytest.mark.parametrize("name", [*FAMILIES, "lora", "prompt.few-shot", "lora@team-gpt"])
def test_families_and_strategies_have_hours(name) -> None:
    check_hours(Needs(**HOURS, engineer_hours_per_month={name: 1}))


def test_a_row_of_the_comparison_has_hours_though_no_strategy_has_its_name() -> None:
    needs = Needs(**HOURS, engineer_hours_per_month={"somebody.elses": 1})
    check_hours(needs, ["somebody.elses"])
    with pytest.raises(InvalidInput):
        check_hours(needs)


@pytest.mark.parametrize(
    ("stated", "placed", "field", "fix"),
    [
        ({"fine tuning": 1}, None, "needs.engineer_hours_per_month", "did you mean 'fine-tuning'"),
        ({"lora": 1}, "gpus", "deployment.machine", "did you mean 'gpu'"),
        ({}, "moon", "deployment.machine", "Choose one of: cpu-2-core, cpu-4-core"),
    ],
)
def test_unknown_names_are_refused_with_the_fix(stated, placed, field, fix) -> None:
    needs = Needs(**(HOURS if stated else {}), engineer_hours_per_month=stated)
    deployment = Deployment(machine=placed) if placed else None
    with pytest.raises(InvalidInput) as caught:
        check_stated(needs, deployment, read_prices())
    assert caught.value.field == field
    assert fix in caught.value.fix


def test_a_comparison_is_refused_before_anything_is_written(tmp_path) -> None:
    task = Task(
        name="colours",
        kind="classification",
        instruction="Name the colour that the customer asks for.",
        labels=LABELS,
        metric="accuracy",
        deployment=Deployment(machine="moon"),
    )
    wrong = Dataset(task=task, train=rows("train", 10), validation=(), test=rows("test", 30))
    out = tmp_path / "out"
    for begin in (plan, partial(compare, out=out)):
        with pytest.raises(InvalidInput, match=r"deployment\.machine"):
            begin(wrong, strategies=[MAJORITY], prices=read_prices())
    assert not out.exists()


def test_over_http_the_field_is_named(tmp_path) -> None:
    with client_of(tmp_path) as client:
        for fields, field in (
            ({"deployment": {"machine": "moon"}}, "deployment.machine"),
            (
                {"needs": {**HOURS, "engineer_hours_per_month": {"prompt": 1}}},
                "needs.engineer_hours_per_month",
            ),
        ):
            reply = client.post(f"{API}/tasks", json=spec(**fields))
            assert reply.status_code == 422
            assert reply.json()["errors"][0]["field"] == field
        good = spec(deployment={"replicas": 2}, needs={"model_retires": "2030-01-01"})
        assert client.post(f"{API}/tasks", json=good).status_code == 201
