"""Attacks by the ids of another user: whatever is asked of them, there is nothing to be found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from service import store
from service.database import open_database
from service.posting import Post
from service.reliability.attacks.attack import Attack, Refused
from service.reliability.attacks.sending import read_any_post
from service.reliability.attacks.serving import TASKS, client, key_for, refused, spec
from service.settings import Settings
from service.shapes import API, NewComparison, NewForecast
from service.storage import ComparisonRow, ForecastRow, Work, new_id, now
from service.watching import Hub, Shown

OPTIONS: dict[type[Work], NewComparison | NewForecast] = {
    ComparisonRow: NewComparison(),
    ForecastRow: NewForecast(),
}
GET = store._get


@dataclass(frozen=True)
class Strangers:
    """Ada, who has a task with a comparison and a forecast, and Bo, who sends the requests."""

    one: Any
    ada: dict[str, str]
    bo: dict[str, str]
    places: dict[str, str]

    def ask(self, method: str, place: str, rest: str = "", **body: Any) -> Any:
        """Bo's request at one of Ada's places."""
        return self.one.request(method, f"{self.places[place]}{rest}", headers=self.bo, **body)

    def denied(self, reply: Any, place: str) -> str:
        """Raises Refused where Bo is told that there is nothing, and Ada has it still."""
        left = self.one.get(self.places[place], headers=self.ada)
        if left.status_code != 200:
            return f"it is gone: {left.text[:200]}"
        return refused(reply, 404)


@contextmanager
def strangers(folder: Path) -> Iterator[Strangers]:
    ada, bo = key_for(folder), key_for(folder, "bo")
    with client(folder) as one:
        task = one.post(TASKS, json=spec(), headers=ada).headers["Location"]
        key = task.rsplit("/", 1)[-1]
        places = {"task": task, **{table.__tablename__: "" for table in OPTIONS}}
        for table in OPTIONS:
            kind = table.__tablename__
            places[kind] = f"{API}/{kind}/{ended(folder, table, key)}"
        yield Strangers(one, ada, bo, places)


def ended(folder: Path, table: type[Work], task: str) -> str:
    """The id of cancelled work of Ada's: whoever finds it is told that it has no report."""
    row = table(
        id=new_id(),
        owner="ada",
        task=task,
        state="cancelled",
        options=OPTIONS[table].model_dump(),
        created_at=now(),
        finished_at=now(),
    )
    engine = open_database(Settings(folder).database_url)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.add(row)
    engine.dispose()
    return row.id


def asking(method: str, place: str, rest: str = "", **body: Any) -> Callable[[Path], str]:
    """The attempt that sends this request."""

    def attempt(folder: Path) -> str:
        with strangers(folder) as among:
            return among.denied(among.ask(method, place, rest, **body), place)

    return attempt


def others_list(folder: Path) -> str:
    """Bo lists tasks."""
    with strangers(folder) as among:
        mine = among.one.post(TASKS, json=spec(), headers=among.bo).json()["id"]
        found = [one["id"] for one in among.one.get(TASKS, headers=among.bo).json()["tasks"]]
    if found != [mine]:
        return f"{len(found)} tasks are listed, of which one is the user's own"
    raise Refused("only the user's own task is listed")


def others_reply(folder: Path) -> str:
    """Bo sends what Ada sent, under the same Idempotency-Key, to be given her reply."""
    with strangers(folder) as among:
        made = [
            among.one.post(TASKS, json=spec(), headers={**who, "Idempotency-Key": "k"}).json()["id"]
            for who in (among.ada, among.bo)
        ]
    if made[0] == made[1]:
        return f"the task of another user is replied: {made[0]}"
    raise Refused("the same key of another user makes another task")


def read_ownerless(request: Any, body: bytes, owner: str | None) -> Post:
    return read_any_post(request, body, None)


def whosoever(
    session: Session,
    table: Any,
    what: str,
    key: str,
    owner: str | None,
    *,
    lock: bool = False,
) -> Any:
    """Finds a row whoever asks."""
    return GET(session, table, what, key, None, lock=lock)


async def shown_to_all(hub: Hub, table: type[Work], key: str, owner: str | None = None) -> Shown:
    return await hub._known(table, key)


ROWS = {"service.store:_get": whosoever}
SHOWN = {"service.watching:Hub.shown": shown_to_all}
ATTACKS = (
    Attack("other-tasks", others_list, {"service.keys:Caller.sees": None}),
    Attack("other-reply", others_reply, {"service.api_tasks:read_post": read_ownerless}),
    Attack("other-task", asking("GET", "task"), ROWS),
    Attack("other-task-removed", asking("DELETE", "task"), ROWS),
    Attack("other-task-compared", asking("POST", "task", "/comparisons", json={}), ROWS),
    Attack("other-task-foretold", asking("POST", "task", "/forecasts", json={}), ROWS),
    Attack("other-comparison", asking("GET", "comparisons"), SHOWN),
    Attack("other-events", asking("GET", "comparisons", "/events"), SHOWN),
    Attack("other-comparison-ended", asking("DELETE", "comparisons"), ROWS),
    Attack("other-report", asking("GET", "comparisons", "/report.json"), ROWS),
    Attack("other-artefact", asking("GET", "comparisons", "/artifacts/lora"), ROWS),
    Attack("other-what-if", asking("POST", "comparisons", "/what-if", json={}), ROWS),
    Attack("other-forecast", asking("GET", "forecasts"), SHOWN),
    Attack("other-forecast-ended", asking("DELETE", "forecasts"), ROWS),
    Attack("other-forecast-report", asking("GET", "forecasts", "/report.json"), ROWS),
)
