"""How often a key may ask, and how many streams it may watch."""

import pytest
from serving import API, client_of, key_for, start, submit

from service.errors import TooOften
from service.rates import MOST_STREAMS, Buckets, Streams


class Clock:
    """A time that tests move."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_evenly() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    for _ in range(6):
        buckets.take("a", 6)
    with pytest.raises(TooOften) as caught:
        buckets.take("a", 6)
    assert caught.value.seconds == pytest.approx(10)
    buckets.take("b", 6)  # another key's bucket is full
    clock.now += 9.9
    with pytest.raises(TooOften) as caught:
        buckets.take("a", 6)
    assert caught.value.seconds == pytest.approx(0.1)
    clock.now += 0.11
    buckets.take("a", 6)
    with pytest.raises(TooOften):
        buckets.take("a", 6)


def test_a_bucket_holds_no_more_than_a_minute_gives() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    buckets.take("a", 3)
    clock.now += 1e6
    for _ in range(3):
        buckets.take("a", 3)
    with pytest.raises(TooOften):
        buckets.take("a", 3)


def test_a_key_that_asks_too_often_is_told_when_to_come_back(tmp_path) -> None:
    header, other = key_for(tmp_path, per_minute=2), key_for(tmp_path)
    with client_of(tmp_path) as client:
        statuses = [client.get(f"{API}/tasks", headers=header).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        reply = client.get(f"{API}/tasks", headers=header)
        assert 1 <= int(reply.headers["retry-after"]) <= 30
        assert reply.headers["content-type"] == "application/problem+json"
        assert "2 requests a minute" in reply.json()["detail"]
        assert client.get(f"{API}/tasks", headers=other).status_code == 200
        assert client.get("/health").status_code == 200


def test_what_is_refused_for_its_scope_counts_too(tmp_path) -> None:
    header = key_for(tmp_path, scopes=["run"], per_minute=2)
    with client_of(tmp_path) as client:
        statuses = [client.get(f"{API}/tasks", headers=header).status_code for _ in range(3)]
    assert statuses == [403, 403, 429]


def test_streams_are_counted_while_they_are_open() -> None:
    streams = Streams(most=2)
    close = streams.open("a")
    streams.open("a")
    streams.open("b")
    with pytest.raises(TooOften):
        streams.open("a")
    close()
    streams.open("a")
    with pytest.raises(TooOften):
        streams.open("a")


def test_a_stream_is_counted_until_it_ends(tmp_path) -> None:
    header = key_for(tmp_path)
    with client_of(tmp_path) as client:
        client.headers.update(header)
        comparison = start(client, submit(client))
        streams = client.app.state.gate.streams
        taken = [streams.open(id_in(header)) for _ in range(MOST_STREAMS - 1)]
        assert client.delete(comparison).json()["state"] == "cancelled"
        for _ in range(3):  # each ends at once, and makes room for the next
            reply = client.get(f"{comparison}/events")
            assert (reply.status_code, "event: end" in reply.text) == (200, True)
        streams.open(id_in(header))
        reply = client.get(f"{comparison}/events")
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "10")
        taken[0]()
        assert client.get(f"{comparison}/events").status_code == 200


def id_in(header: dict[str, str]) -> str:
    """The id of the key in a header."""
    return header["Authorization"].split("_")[1]
