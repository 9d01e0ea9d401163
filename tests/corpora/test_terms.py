"""What a spec says of costs: taken as written, refused with the field and the fix."""

from datetime import date

import pytest

from corpora.errors import InvalidInput
from corpora.files import parse_yaml
from corpora.spec import read_spec, task_from
from corpora.task import Deployment, Needs

SPEC = {
    "name": "t",
    "kind": "classification",
    "instruction": "Say which of the two it is.",
    "examples": [{"input": "a", "output": "x"}],
}


def read(**fields):
    return read_spec({**SPEC, **fields})


def test_all_fields_reach_the_task():
    needs = {
        "behaviour_changes": "quarterly",
        "retrain_on_documents": True,
        "label_usd": 1,
        "relabel_share": 0.2,
        "engineer_usd_per_hour": 90,
        "engineer_hours_per_month": {"fine-tuning": 4, "prompt.few-shot": 0.5},
        "model_retires": "2027-06-30",
    }
    placed = {
        "machine": "gpu",
        "replicas": 2,
        "hours_per_day": 10,
        "peak_requests_per_second": 4,
        "batch_share": 0.5,
    }
    task = task_from(read(needs=needs, deployment=placed), ("x",))
    assert task.needs == Needs(**needs)
    assert task.deployment == Deployment(**placed)
    assert task_from(read(), ("x",)).deployment is None
    assert task_from(read(deployment={}), ("x",)).deployment == Deployment()


def test_a_day_may_be_written_without_quotes():
    written = parse_yaml("model_retires: 2027-06-30", "task.yaml")
    assert written == {"model_retires": date(2027, 6, 30)}
    assert read(needs=written).needs.model_retires == "2027-06-30"


def test_needs_that_say_nothing_of_costs_are_written_as_before():
    assert set(Needs(requests_per_month=5).model_dump()) == {
        "quality_at_least",
        "latency_p95_ms",
        "cost_per_1k_requests",
        "requests_per_month",
        "horizon_months",
        "documents_change",
        "practical_margin",
    }


@pytest.mark.parametrize(
    ("fields", "field", "fix"),
    [
        ({"needs": {"behaviour_changes": "weekly"}}, "needs.behaviour_changes", "Use one of"),
        ({"needs": {"label_usd": -1}}, "needs.label_usd", "greater than or equal to 0"),
        ({"needs": {"label_usd": "1"}}, "needs.label_usd", "without quotes"),
        ({"needs": {"relabel_share": 2, "label_usd": 1}}, "needs.relabel_share", "less than"),
        ({"needs": {"relabel_share": 0.5}}, "needs.label_usd", "what one label costs"),
        ({"needs": {"model_retires": "next year"}}, "needs.model_retires", "2027-06-30"),
        (
            {"needs": {"engineer_hours_per_month": {"rag": 1}}},
            "needs.engineer_usd_per_hour",
            "state what one costs",
        ),
        (
            {"needs": {"engineer_usd_per_hour": 50}},
            "needs.engineer_hours_per_month",
            "state hours",
        ),
        (
            {"needs": {"engineer_usd_per_hour": 50, "engineer_hours_per_month": {"rag": -1}}},
            "needs.engineer_hours_per_month.rag",
            "greater than or equal to 0",
        ),
        ({"deployment": {"replica": 2}}, "deployment.replica", "did you mean 'replicas'"),
        ({"deployment": {"replicas": 0}}, "deployment.replicas", "greater than or equal to 1"),
        ({"deployment": {"hours_per_day": 25}}, "deployment.hours_per_day", "less than or equal"),
        ({"deployment": 3}, "deployment", "mapping"),
        (
            {
                "needs": {"requests_per_month": 2_629_800},
                "deployment": {"peak_requests_per_second": 0.5},
            },
            "deployment.peak_requests_per_second",
            "1 a second on average",
        ),
    ],
)
def test_what_is_wrong_names_the_field_and_the_fix(fields, field, fix):
    with pytest.raises(InvalidInput) as caught:
        read(**fields)
    assert caught.value.field == field
    assert fix in caught.value.fix
