"""What requests and the worker work with, made when their process starts."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litestar import Request

from service.database import open_database
from service.files import Files, key_of
from service.forms import FORECAST_FILES
from service.jobs import Queue
from service.readiness import Readiness
from service.remembered import Remembered
from service.settings import Settings
from service.shapes import comparison_reply, forecast_reply
from service.storage import ComparisonRow, ForecastRow, Work
from service.store import Store
from service.tallying import Tally
from service.units import Units
from service.watching import Hub

if TYPE_CHECKING:
    from service.what_if import Stored

WHAT_IFS = 4
"""Comparisons of which so much is in memory that asking again takes milliseconds."""


@dataclass(frozen=True)
class Services:
    """The settings, the tables, the reports and artefacts, the queue and the units of
    work, and what clients and operators watch."""

    settings: Settings
    store: Store
    files: Files
    queue: Queue
    units: Units
    hub: Hub
    readiness: Readiness
    tally: Tally
    what_ifs: "Remembered[Stored]"

    @classmethod
    def start(cls, settings: Settings) -> "Services":
        """Opens the database, its tables made where missing; raises as `open_database` and
        `Files`."""
        settings.data.mkdir(parents=True, exist_ok=True)
        files = Files(settings.store or settings.data, settings.data)
        engine = open_database(settings.database_url)
        store, queue = Store(engine), Queue(engine)
        renders = {
            ComparisonRow: show_comparison,
            ForecastRow: lambda row: show_forecast(row, files),
        }
        return cls(
            settings=settings,
            store=store,
            files=files,
            queue=queue,
            units=Units(store.begin, queue),
            hub=Hub(store, renders),
            readiness=Readiness(store, settings.data, files),
            tally=Tally(store),
            what_ifs=Remembered(WHAT_IFS),
        )

    def stop(self) -> None:
        self.readiness.close()
        self.queue.close()
        self.store.engine.dispose()


def services(request: Request[Any, Any, Any]) -> Services:
    """Those of the application that serves this request."""
    found: Services = request.app.state.services
    return found


def show_comparison(row: Work) -> bytes:
    """The comparison as JSON."""
    assert isinstance(row, ComparisonRow)
    return comparison_reply(row).model_dump_json().encode()


def show_forecast(row: Work, files: Files) -> bytes:
    """The forecast as JSON, with what was foretold once it is completed; raises StoreAway."""
    assert isinstance(row, ForecastRow)
    found = None
    if row.state == "completed":
        with suppress(FileNotFoundError):
            found = json.loads(files.get(key_of(row.__tablename__, row.id, FORECAST_FILES[0])))
    return forecast_reply(row, found).model_dump_json().encode()
