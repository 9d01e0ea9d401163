"""What a key may agree to pay for hosted models in a month."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from in_process import queued
from serving import client_of, key_for, submit

from service.agreed import agreed_this_month
from service.storage import AgreedRow, ComparisonRow, ForecastRow

OPTIONS = {"strategies": ["baseline.majority", "prompt.zero-shot"]}


@pytest.fixture(autouse=True)
def hosted(tmp_path, monkeypatch) -> None:
    """A paid model by the name `team`, which nobody calls here."""
    models, prices = tmp_path / "models.yaml", tmp_path / "prices.yaml"
    models.write_text("team: {base_url: 'http://127.0.0.1:9/v1', model: m-1}\n")
    price = "{input: 1.0, cached: 1.0, output: 10.0, source: test, as_of: 2026-06}"
    prices.write_text(f"models:\n  team: {price}\n")
    monkeypatch.setenv("TUNEWORTH_MODELS", str(models))
    monkeypatch.setenv("TUNEWORTH_PRICES", str(prices))


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def agreed(client, owner: str = "ada") -> float:
    with client.app.state.services.store.begin() as session:
        return agreed_this_month(session, owner)


def test_no_more_than_the_limit_is_agreed_to_in_a_month(data) -> None:
    header = key_for(data, usd_per_month=1.0)
    with client_of(data) as client:
        client.headers.update(header)
        task = submit(client, model="team")

        def ask(usd: float, kind: str = "comparisons"):
            return client.post(f"{task}/{kind}", json={**OPTIONS, "accept_cost_usd": usd})

        assert ask(0.6).status_code == 202
        assert agreed(client) == pytest.approx(0.6)
        refused = ask(0.5)
        assert refused.status_code == 403
        document = refused.json()
        assert document["type"] == "urn:tuneworth:problem:over-budget"
        [error] = document["errors"]
        assert (error["field"], "$0.400000 or less" in error["fix"]) == ("accept_cost_usd", True)
        assert ask(0.3, "forecasts").status_code == 202
        assert ask(0.2).status_code == 403
        assert ask(0.1).status_code == 202
        assert agreed(client) == pytest.approx(1.0)


def test_a_limit_of_the_work_is_what_counts(data) -> None:
    header = key_for(data, usd_per_month=1.0)
    with client_of(data) as client:
        client.headers.update(header)
        task = submit(client, model="team")
        limited = {**OPTIONS, "accept_cost_usd": 0.5, "spend_at_most_usd": 0.7}
        assert client.post(f"{task}/comparisons", json=limited).status_code == 202
        assert agreed(client) == pytest.approx(0.7)
        assert client.post(f"{task}/forecasts", json=limited).status_code == 403


def test_a_quote_that_proves_too_low_is_no_way_past_the_limit(data) -> None:
    header = key_for(data, usd_per_month=1.0)
    with client_of(data) as client:
        client.headers.update(header)
        sent = client.post(
            f"{submit(client, model='team')}/comparisons", json={**OPTIONS, "accept_cost_usd": 0.6}
        )
        key = sent.headers["Location"].rsplit("/", 1)[-1]
        options = client.app.state.services.store.comparison(key, None).options
    assert options["spend_at_most_usd"] == 0.6


@pytest.mark.parametrize(
    ("kind", "table"), [("comparisons", ComparisonRow), ("forecasts", ForecastRow)]
)
def test_what_a_broken_cancel_did_not_give_back_goes_with_the_work(data, kind, table) -> None:
    header = key_for(data, usd_per_month=1.0)
    with client_of(data) as client:
        client.headers.update(header)
        sent = client.post(
            f"{submit(client, model='team')}/{kind}", json={**OPTIONS, "accept_cost_usd": 0.6}
        )
        place = sent.headers["Location"]
        client.app.state.services.store.cancel(place.rsplit("/", 1)[-1], table, None)
        assert agreed(client) == pytest.approx(0.6)
        assert client.delete(place).status_code == 204
        assert agreed(client) == 0.0


def test_a_key_pays_nothing_unless_that_was_granted(data) -> None:
    header = key_for(data)
    with client_of(data) as client:
        client.headers.update(header)
        task = submit(client, model="team")
        paid = {**OPTIONS, "accept_cost_usd": 0.5}
        assert client.post(f"{task}/comparisons", json=paid).status_code == 403
        free = {"strategies": ["baseline.majority"], "accept_cost_usd": 0.5}
        assert client.post(f"{task}/comparisons", json=free).status_code == 202
        assert agreed(client) == 0


def test_a_new_key_of_the_same_owner_brings_no_new_money(data) -> None:
    keys = [key_for(data, usd_per_month=1.0) for _ in range(2)]
    other = key_for(data, "bo", usd_per_month=1.0)
    with client_of(data) as client:
        paid = {**OPTIONS, "accept_cost_usd": 0.8}
        statuses = []
        for header in (*keys, other):
            client.headers.update(header)
            task = submit(client, model="team")
            statuses.append(client.post(f"{task}/comparisons", json=paid).status_code)
    assert statuses == [202, 403, 202]


def test_the_month_before_does_not_count(data) -> None:
    header = key_for(data, usd_per_month=1.0)
    with client_of(data) as client:
        client.headers.update(header)
        task = submit(client, model="team")
        paid = {**OPTIONS, "accept_cost_usd": 0.8}
        assert client.post(f"{task}/comparisons", json=paid).status_code == 202
        with client.app.state.services.store.begin() as session:
            session.execute(sa.update(AgreedRow).values(created_at="2026-01-31T23:59:59.999+00:00"))
        assert agreed(client) == 0
        assert client.post(f"{task}/comparisons", json=paid).status_code == 202


def test_what_never_began_is_given_back_and_what_is_removed_is_not(data) -> None:
    header = key_for(data, usd_per_month=1.0)
    with client_of(data) as client:
        client.headers.update(header)
        at = client.app.state.services
        task = submit(client, model="team")
        paid = {**OPTIONS, "accept_cost_usd": 0.8}
        for kind in ("comparisons", "forecasts"):
            place = client.post(f"{task}/{kind}", json=paid).headers["Location"]
            assert agreed(client) == pytest.approx(0.8)
            assert client.delete(place).json()["state"] == "cancelled"
            assert agreed(client) == 0
        begun = client.post(f"{task}/comparisons", json=paid).headers["Location"]
        key = begun.rsplit("/", 1)[-1]
        claim = client.app.state.services.units.claim(
            queued(client.app.state.services, key)[0].id, "w"
        )
        assert claim is not None
        assert client.delete(begun).json()["cancelling"] is True
        at.units.stop(claim.job)
        assert client.delete(begun).status_code == 204
        assert client.delete(task).status_code == 204
        assert agreed(client) == pytest.approx(0.8)


def test_a_repeated_request_is_booked_once(data) -> None:
    header = key_for(data, usd_per_month=1.0)
    with client_of(data) as client:
        client.headers.update({**header, "Idempotency-Key": "once"})
        task = submit(client, model="team")
        paid = {**OPTIONS, "accept_cost_usd": 0.8}
        replies = [client.post(f"{task}/comparisons", json=paid) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [202, 202]
        assert replies[0].json() == replies[1].json()
        assert agreed(client) == pytest.approx(0.8)


def test_many_requests_at_once_find_room_for_no_more_than_there_is(settings) -> None:
    header = key_for(settings, usd_per_month=1.0)
    with client_of(settings) as client:
        client.headers.update(header)
        task = submit(client, model="team")
        paid = {**OPTIONS, "accept_cost_usd": 0.3}

        def ask(_: int) -> int:
            return client.post(f"{task}/comparisons", json=paid).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(ask, range(8)))
        assert statuses == [202] * 3 + [403] * 5
        assert agreed(client) == pytest.approx(0.9)


def test_without_keys_consent_is_enough(data) -> None:
    with client_of(data) as client:
        task = submit(client, model="team")
        paid = {**OPTIONS, "accept_cost_usd": 50}
        assert client.post(f"{task}/comparisons", json=paid).status_code == 202
        with client.app.state.services.store.begin() as session:
            assert session.scalar(sa.select(sa.func.count(AgreedRow.id))) == 0
