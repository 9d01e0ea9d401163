"""What-if over HTTP, on a comparison that is put in place as a worker would leave it."""

import pytest
from example_run import example_records
from serving import API, change, client_of, start, submit

from benchmarks.journal import JOURNAL, Journal
from service.openapi import WHAT_IF_EXAMPLE
from service.published import write_reports
from service.report import build_report


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("data")) as client:
        yield client


@pytest.fixture(scope="module")
def done(client):
    """The address of a completed comparison with a real report."""
    comparison = start(client, submit(client))
    at, id_ = client.app.state.services, comparison.rsplit("/", 1)[-1]
    folder = at.settings.comparison_folder(id_)
    folder.mkdir(parents=True)
    Journal(folder / JOURNAL).append(example_records())
    write_reports(build_report(example_records()), folder)
    change(at.store, id_, state="completed")
    return comparison


def test_the_answer_before_and_after(client, done) -> None:
    reply = client.post(f"{done}/what-if", json={"requests_per_month": 100_000})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/json"
    found = reply.json()
    assert found["schema"] == "tuneworth.what-if/1"
    assert found["changed"] == [
        {"what": "requests_per_month", "before": 40_000.0, "after": 100_000.0}
    ]
    assert found["before"] == client.get(f"{done}/report.json").json()["recommendation"]
    linear = next(row for row in found["costs"] if row["strategy"] == "baseline.linear")
    parts = linear["after"]["parts"]
    assert sum(value or 0 for value in parts.values()) == pytest.approx(
        linear["after"]["horizon_usd"]
    )
    assert linear["after"]["monthly_usd"] == pytest.approx(2.5 * linear["before"]["monthly_usd"])


def test_the_example_of_the_schema_is_answered(client, done) -> None:
    assert client.post(f"{done}/what-if", json=WHAT_IF_EXAMPLE).status_code == 200


def test_a_repeated_request_gets_the_same_reply_and_the_key_no_other(client, done) -> None:
    header = {"Idempotency-Key": "what-if-1"}
    address, changes = f"{done}/what-if", {"horizon_months": 7}
    first = client.post(address, json=changes, headers=header)
    assert client.post(address, json=changes, headers=header).json() == first.json()
    other = client.post(address, json={"horizon_months": 8}, headers=header)
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"


def test_the_comparison_stays_as_it_is(client, done) -> None:
    before = client.get(done).json()
    client.post(f"{done}/what-if", json={"practical_margin": 0.1})
    assert client.get(done).json() == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"requests_per_months": 5}, "requests_per_months"),
        ({"horizon_months": -1}, "horizon_months"),
        ({"prices": {"gpt.input": 1}}, "prices.gpt.input"),
        ({"deployment": {"machine": "moon"}}, "deployment.machine"),
        ({"deployment": {"replicas": 0}}, "deployment.replicas"),
    ],
)
def test_a_wrong_change_is_a_problem_document(client, done, changes, field) -> None:
    reply = client.post(f"{done}/what-if", json=changes)
    assert reply.status_code == 422
    assert reply.headers["content-type"].startswith("application/problem+json")
    (error,) = reply.json()["errors"]
    assert error["field"] == field
    assert error["fix"]


def test_what_cannot_be_asked(client, done) -> None:
    unfinished = start(client, submit(client, "another"))
    assert client.post(f"{unfinished}/what-if", json={}).status_code == 409
    assert client.post(f"{API}/comparisons/none/what-if", json={}).status_code == 404
    header = {"Content-Type": "application/json"}
    assert client.post(f"{done}/what-if", content="[1]", headers=header).status_code == 400
    assert client.post(f"{done}/what-if", content="a=1").status_code == 415


def test_a_comparison_without_records_says_so(client, done) -> None:
    comparison = start(client, submit(client, "broken one"))
    at, id_ = client.app.state.services, comparison.rsplit("/", 1)[-1]
    change(at.store, id_, state="completed")
    reply = client.post(f"{comparison}/what-if", json={})
    assert reply.status_code == 409
    assert "cannot be read" in reply.json()["detail"]


def test_it_is_in_the_schema(client) -> None:
    paths = client.get("/schema/openapi.json").json()["paths"]
    told = paths[f"{API}/comparisons/{{comparison_id}}/what-if"]["post"]
    body = told["requestBody"]["content"]["application/json"]["schema"]
    assert {"requests_per_month", "deployment", "prices", "label_usd"} <= set(body["properties"])
    assert {"200", "400", "404", "409", "422"} <= set(told["responses"])
