"""A worker's sign of life: others give out again what one has that is not heard of."""

import logging
import threading
from collections.abc import Callable

import sqlalchemy as sa

from service.database import reason_of

BEAT_SECONDS = 2.0
AWAY_SECONDS = 1.0
"""How soon it is said again where the database did not take it."""
logger = logging.getLogger("tuneworth.worker")


class Heart:
    """Says that the worker is alive, in a thread of its own: the main one may wait for a store that
    hangs, or for a batch to end, for longer than others wait for a sign."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No sign is given once this returns."""
        self._stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        away = False
        while not self._stop.wait(AWAY_SECONDS if away else BEAT_SECONDS):
            try:
                self._beat()
                away = False
            except (OSError, sa.exc.SQLAlchemyError) as error:
                if not away:
                    why = reason_of(error)
                    logger.warning("It cannot be said that this worker lives: %s.", why)
                away = True
            except Exception:  # whatever it was, silence would cost the work at hand
                logger.exception("it cannot be said that this worker lives")
                away = True
