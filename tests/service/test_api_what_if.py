"""What-if over HTTP, on a comparison that is put in place as a worker would leave it."""

import pytest
import sqlalchemy as sa
from example_run import example_records
from serving import API, change, client_of, start, submit

from benchmarks.journal import JOURNAL, Journal
from service.basis import basis_of
from service.files import key_of
from service.forms import BASIS_FILE
from service.openapi import WHAT_IF_EXAMPLE
from service.published import write_reports
from service.report import build_report
from service.storage import ComparisonRow, RecordsRow
from service.stored_records import StoredRecords


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("data")) as client:
        yield client


def completed(client, name: str = "3 steps") -> tuple[str, str]:
    """The address and the id of a comparison that has ended, without a report."""
    comparison = start(client, submit(client, name))
    id_ = comparison.rsplit("/", 1)[-1]
    change(client.app.state.services.store, id_, state="completed")
    return comparison, id_


def store_records(client, id_: str, records) -> None:
    begin = client.app.state.services.store.begin
    StoredRecords(begin, lambda session: None, id_, 0).append(records)


def leave(client, how: str, id_: str, records) -> None:
    """A report with what it rests on: rows and the basis, rows alone, or an older one's files."""
    at = client.app.state.services
    folder = at.settings.comparison_folder(id_)
    folder.mkdir(parents=True)
    write_reports(build_report(records), folder)
    if how == "older version":
        Journal(folder / JOURNAL).append(records)
    else:
        store_records(client, id_, records)
    if how == "basis":
        (folder / BASIS_FILE).write_bytes(basis_of(records).as_json())


@pytest.fixture(scope="module", params=["basis", "rows", "older version"])
def done(client, request):
    """The address of a completed comparison with a real report."""
    comparison, id_ = completed(client)
    leave(client, request.param, id_, example_records())
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


def test_a_comparison_without_records_says_so(client) -> None:
    comparison, _ = completed(client, "broken one")
    reply = client.post(f"{comparison}/what-if", json={})
    assert reply.status_code == 409
    assert "cannot be read" in reply.json()["detail"]


def test_damaged_records_are_told_and_a_basis_does_without_them(client) -> None:
    comparison, id_ = completed(client, "damaged one")
    leave(client, "rows", id_, example_records())
    at = client.app.state.services
    with at.store.begin() as session:
        mine = sa.update(RecordsRow).where(RecordsRow.work == id_)
        session.execute(mine.values(lines="{}\n"))
    assert client.post(f"{comparison}/what-if", json={}).status_code == 409
    basis = basis_of(example_records()).as_json()
    at.files.put(key_of("comparisons", id_, BASIS_FILE), basis)
    assert client.post(f"{comparison}/what-if", json={}).status_code == 200


def test_a_basis_of_another_version_is_left_alone(client) -> None:
    comparison, id_ = completed(client, "later one")
    leave(client, "rows", id_, example_records())
    client.app.state.services.files.put(key_of("comparisons", id_, BASIS_FILE), b'{"run": 2}')
    assert client.post(f"{comparison}/what-if", json={}).status_code == 200


def test_what_is_in_memory_is_of_one_revision_and_goes_with_its_comparison(client) -> None:
    at = client.app.state.services
    comparison, id_ = completed(client, "two reports")
    records = example_records()
    leave(client, "basis", id_, records)

    def volume() -> float:
        reply = client.post(f"{comparison}/what-if", json={})
        return reply.json()["needs"]["requests_per_month"]

    first = volume()
    assert id_ in at.what_ifs.ids()
    needs = records[0].needs.model_copy(update={"requests_per_month": 2 * first})
    newer = basis_of([records[0].model_copy(update={"needs": needs}), *records[1:]])
    at.files.put(key_of("comparisons", id_, BASIS_FILE), newer.as_json())
    assert volume() == first, "it was not read again"
    change(at.store, id_)
    assert volume() == 2 * first
    assert client.delete(comparison).status_code == 204
    assert id_ not in at.what_ifs.ids()


def test_what_another_process_removed_is_forgotten_with_the_next_question(client, done) -> None:
    at = client.app.state.services
    comparison, id_ = completed(client, "removed elsewhere")
    leave(client, "rows", id_, example_records())
    client.post(f"{comparison}/what-if", json={})
    with at.store.begin() as session:
        session.execute(sa.delete(ComparisonRow).where(ComparisonRow.id == id_))
    assert id_ in at.what_ifs.ids()
    client.post(f"{done}/what-if", json={})
    assert id_ not in at.what_ifs.ids()


def test_it_is_in_the_schema(client) -> None:
    paths = client.get("/schema/openapi.json").json()["paths"]
    told = paths[f"{API}/comparisons/{{comparison_id}}/what-if"]["post"]
    body = told["requestBody"]["content"]["application/json"]["schema"]
    assert {"requests_per_month", "deployment", "prices", "label_usd"} <= set(body["properties"])
    assert {"200", "400", "404", "409", "422"} <= set(told["responses"])
