"""What requests and the worker work with, made when their process starts."""

import json
from dataclasses import dataclass
from typing import Any

from litestar import Request

from service.database import open_database
from service.jobs import Queue
from service.readiness import Readiness
from service.settings import Settings
from service.shapes import comparison_reply, forecast_reply
from service.storage import ComparisonRow, ForecastRow, Work
from service.store import Store
from service.tallying import Tally
from service.watching import Hub


@dataclass(frozen=True)
class Services:
    """The settings, the tables, the queue to the worker, and what clients and operators watch."""

    settings: Settings
    store: Store
    queue: Queue
    hub: Hub
    readiness: Readiness
    tally: Tally

    @classmethod
    def start(cls, settings: Settings) -> "Services":
        """Opens the database, its tables made where missing; raises as `open_database`."""
        settings.data.mkdir(parents=True, exist_ok=True)
        engine = open_database(settings.database_url)
        store = Store(engine)
        renders = {
            ComparisonRow: show_comparison,
            ForecastRow: lambda row: show_forecast(row, settings),
        }
        return cls(
            settings=settings,
            store=store,
            queue=Queue(engine),
            hub=Hub(store, renders),
            readiness=Readiness(store, settings.data),
            tally=Tally(store),
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


def show_forecast(row: Work, settings: Settings) -> bytes:
    """The forecast as JSON, with what was foretold once it is completed."""
    assert isinstance(row, ForecastRow)
    path = settings.forecast_folder(row.id) / "forecast.json"
    found = None
    if row.state == "completed" and path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
    return forecast_reply(row, found).model_dump_json().encode()
