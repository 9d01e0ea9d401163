"""What requests and the worker work with, made when their process starts."""

from dataclasses import dataclass
from typing import Any

from litestar import Request

from service.database import open_database
from service.jobs import Queue
from service.settings import Settings
from service.store import Store


@dataclass(frozen=True)
class Services:
    """The settings, the tables, and the queue to the worker."""

    settings: Settings
    store: Store
    queue: Queue

    @classmethod
    def start(cls, settings: Settings) -> "Services":
        """Opens the database, its tables made where missing; raises as `open_database`."""
        engine = open_database(settings.database_url)
        return cls(settings, Store(engine), Queue(engine))

    def stop(self) -> None:
        self.queue.close()
        self.store.engine.dispose()


def services(request: Request[Any, Any, Any]) -> Services:
    """Those of the application that serves this request."""
    found: Services = request.app.state.services
    return found
