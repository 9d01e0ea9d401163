"""What a first what-if would wait for: loaded when the server has started, while it serves.

Neither the start nor other requests wait for it.
"""

import logging
from importlib import import_module
from threading import Thread

NEEDED = "service.what_if"
END_SECONDS = 5.0
"""So long the end of the server waits for what is still loading."""
logger = logging.getLogger("tuneworth.warming")


class Warming:
    """A thread that loads it, begun at once."""

    def __init__(self) -> None:
        self._thread = Thread(target=load, name="tuneworth-warming", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Waits for it: a process that ended in the midst of loading a library could crash."""
        self._thread.join(END_SECONDS)


def load() -> None:
    """Where that fails the log says so; a request for a what-if then fails by itself."""
    try:
        import_module(NEEDED)
    except Exception:
        logger.exception("what a what-if needs cannot be loaded")
