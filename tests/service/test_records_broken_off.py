"""Downloads of records that end early, and what they count meanwhile."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import anyio
import pytest
from example_run import example_records
from in_process import key_of, services_of
from litestar.exceptions import LitestarException
from serving import client_of, key_for, start, submit

from benchmarks.journal import JOURNAL, Journal
from service.rates import MOST_STREAMS


@pytest.fixture
def client(settings):
    with client_of(settings) as found:
        yield found


def test_a_download_is_counted_among_the_streams_of_a_key(tmp_path) -> None:
    header = key_for(tmp_path)
    with client_of(tmp_path) as client:
        client.headers.update(header)
        address = f"{start(client, submit(client))}/records.jsonl"
        name = header["Authorization"].removeprefix("Bearer tw_").split("_")[0]
        streams = client.app.state.gate.streams
        for _ in range(MOST_STREAMS - 1):
            streams.open(name)
        assert [client.get(address).status_code for _ in range(3)] == [200] * 3
        streams.open(name)
        assert client.get(address).status_code == 429


def test_what_breaks_once_something_was_sent_breaks_the_reply_off(client, monkeypatch) -> None:
    """A part is not to look like the whole."""
    monkeypatch.setattr("service.stored_records.TAKEN_OVER", 100)
    at, address = services_of(client), start(client, submit(client))
    folder = at.settings.comparison_folder(key_of(address))
    folder.mkdir(parents=True, exist_ok=True)
    Journal(folder / JOURNAL).append(example_records())
    with (folder / JOURNAL).open("ab") as file:
        file.write(b"no record\n")
    with pytest.raises(LitestarException, match="after response started"):
        client.get(f"{address}/records.jsonl")


def test_no_error_in_mid_stream_is_taken_for_the_end(client, monkeypatch) -> None:
    def broken(*told: object) -> Iterator[str]:
        yield "{}\n"
        raise ValueError("as validation errors are")

    monkeypatch.setattr("service.api_reports.lines_of", broken)
    address = start(client, submit(client))
    with pytest.raises(LitestarException, match="after response started"):
        client.get(f"{address}/records.jsonl")


def test_a_client_who_leaves_lets_go_of_the_stream(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("service.api_reports.lines_of", lambda *told: repeat("{}\n"))
    header = key_for(tmp_path)
    with client_of(tmp_path) as client:
        client.headers.update(header)
        path = f"{start(client, submit(client))}/records.jsonl"
        name = header["Authorization"].removeprefix("Bearer tw_").split("_")[0]
        streams, counted = client.app.state.gate.streams, []

        async def fetch() -> None:
            begun = anyio.Event()
            told = [{"type": "http.request", "body": b"", "more_body": False}]

            async def receive() -> dict[str, Any]:
                if told:
                    return told.pop()
                await begun.wait()
                return {"type": "http.disconnect"}

            async def send(message: dict[str, Any]) -> None:
                if message.get("body"):
                    counted.append(streams._open[name])
                    begun.set()
                await anyio.sleep(0)

            await client.app(scope, receive, send)

        sent = {"host": "127.0.0.1", "authorization": header["Authorization"]}
        scope = {
            **{"type": "http", "method": "GET", "path": path, "raw_path": path.encode()},
            **{"query_string": b"", "scheme": "http", "http_version": "1.1", "root_path": ""},
            **{"server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "extensions": {}},
            "headers": [(key.encode(), value.encode()) for key, value in sent.items()],
        }
        with client.portal() as portal:
            portal.call(fetch)
        assert counted[0] == 1
        assert streams._open[name] == 0
