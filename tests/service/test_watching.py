"""What clients watch: one question for all of them, and what it survives."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import sqlalchemy as sa
from serving import change
from sqlalchemy.exc import OperationalError

from service.database import open_database
from service.errors import NotFound
from service.events import watch
from service.services import show_comparison
from service.storage import ComparisonRow
from service.store import Store
from service.watching import Hub, Shown

FACTS = {"name": "mails", "kind": "classification", "metric": "accuracy", "models": []}
RENDERS = {ComparisonRow: show_comparison}


@pytest.fixture
def store(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'tuneworth.db'}")
    yield Store(engine)
    engine.dispose()


@pytest.fixture
def key(store: Store) -> str:
    """A queued comparison."""
    return queued(store)


def queued(store: Store) -> str:
    with store.begin() as session:
        task = store.add_task(session, FACTS, {}, None).id
    with store.begin() as session:
        return store.add_work(session, task, {}, lambda _, __: None, ComparisonRow, None).id


def awake(
    store: Store,
    play: Callable[[Hub], Coroutine[Any, Any, None]],
    heartbeat_seconds: float = 10,
) -> None:
    """Play a scene with a hub that looks at the store."""

    async def scene() -> None:
        hub = Hub(store, RENDERS, heartbeat_seconds)
        async with hub.awake(lambda: False):
            await play(hub)

    asyncio.run(asyncio.wait_for(scene(), 20))


async def told(hub: Hub, key: str, seen: int = 0) -> list[str]:
    """The states that a stream tells until it ends."""
    changes = hub.changes(ComparisonRow, key, seen)
    return [json.loads(shown.body)["state"] async for shown in changes if shown is not None]


def test_many_watchers_make_one_question(store, key) -> None:
    asked: list[str] = []
    sa.event.listen(
        store.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2]))
    )

    async def play(hub: Hub) -> None:
        streams = [asyncio.create_task(told(hub, key)) for _ in range(200)]
        await asyncio.sleep(0.5)
        assert hub.streams == 200
        asked.clear()
        for _ in range(5):
            for _ in range(100):
                assert (await hub.shown(ComparisonRow, key)).state == "queued"
            await asyncio.sleep(0.2)
        assert 2 <= len(asked) <= 8, asked  # 4 a second, not 4 a second for each
        change(store, key, state="running")
        await asyncio.sleep(0.6)
        change(store, key, state="completed")
        ends = await asyncio.gather(*streams)
        assert ends == [["queued", "running", "completed"]] * 200
        assert hub.streams == 0

    awake(store, play)


def test_those_who_ask_at_the_same_moment_share_one_reading(store, key) -> None:
    asked: list[str] = []
    sa.event.listen(
        store.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2]))
    )

    async def play(hub: Hub) -> None:
        await asyncio.gather(*(hub.shown(ComparisonRow, key) for _ in range(100)))

    awake(store, play)
    assert len(asked) == 1


def test_a_stream_survives_a_database_that_does_not_answer(store, key) -> None:
    def rename(old: str, new: str) -> None:
        with store.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

    async def play(hub: Hub) -> None:
        stream = asyncio.create_task(told(hub, key))
        await asyncio.sleep(0.3)
        rename("comparisons", "elsewhere")
        await asyncio.sleep(1.5)
        assert not stream.done()
        with pytest.raises(OperationalError):  # what was known is too old to be told as true
            await hub.shown(ComparisonRow, key)
        rename("elsewhere", "comparisons")
        change(store, key, state="running")
        change(store, key, state="completed")
        assert (await stream)[-1] == "completed"

    awake(store, play)


def test_a_change_by_this_process_is_seen_at_once(store, key) -> None:
    async def play(hub: Hub) -> None:
        await asyncio.sleep(0.3)
        assert (await hub.shown(ComparisonRow, key)).state == "queued"
        store.cancel(key, ComparisonRow, None)
        hub.forget(ComparisonRow, key)
        await asyncio.sleep(0)
        assert (await hub.shown(ComparisonRow, key)).state == "cancelled"

    awake(store, play)


def test_a_removed_comparison_ends_its_streams(store, key) -> None:
    async def play(hub: Hub) -> None:
        stream = asyncio.create_task(told(hub, key))
        await asyncio.sleep(0.3)
        with store.begin() as session:
            session.execute(sa.delete(ComparisonRow).where(ComparisonRow.id == key))
        assert await stream == ["queued"]
        with pytest.raises(NotFound):
            await hub.shown(ComparisonRow, key)

    awake(store, play)


def test_a_row_that_cannot_be_shown_hinders_no_other(store, key) -> None:
    other = queued(store)

    async def play(hub: Hub) -> None:
        streams = [asyncio.create_task(told(hub, one)) for one in (key, other)]
        await asyncio.sleep(0.3)
        for one in (key, other):
            change(store, one, state="running")
        change(store, key, progress={"no such field": 1})
        change(store, other, state="completed")
        assert (await streams[1])[-1] == "completed"
        streams[0].cancel()

    awake(store, play)


def test_nothing_new_is_told_by_a_heartbeat(store, key) -> None:
    async def play(hub: Hub) -> None:
        stream = watch(hub, ComparisonRow, key, seen=1)
        assert await anext(stream) == b": heartbeat\r\n\r\n"
        await stream.aclose()
        assert hub.streams == 0

    awake(store, play, heartbeat_seconds=0.05)


def test_a_stream_is_told_that_the_server_stops(store, key) -> None:
    stopping = asyncio.Event()

    async def scene() -> None:
        hub = Hub(store, RENDERS)
        async with hub.awake(stopping.is_set):
            stream = watch(hub, ComparisonRow, key, seen=0)
            events = [await anext(stream), await anext(stream)]
            stopping.set()
            events += [event async for event in stream]
        assert [event.split(b"event: ")[1].split(b"\r\n")[0] for event in events] == [
            *(b"state", b"progress", b"stopping")
        ]

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_nothing_belongs_to_anybody(store, key) -> None:
    async def play(hub: Hub) -> None:
        assert isinstance(await hub.shown(ComparisonRow, key), Shown)
        with pytest.raises(NotFound):
            await hub.shown(ComparisonRow, key, owner="somebody")

    awake(store, play)
