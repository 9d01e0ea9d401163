"""Units as rows, for tests that only look at them."""

from typing import Any

from service.storage import UnitRow


def unit(position: int, state: str, worker: str | None = None, **more: Any) -> UnitRow:
    """One of the comparison "work", which is not there."""
    told = {"work": "work", "kind": "comparisons", "name": "a", "flow": "work", "queue": "cpu"}
    return UnitRow(
        position=position, state=state, worker=worker, **{**told, "band": 1, "tag": 0, **more}
    )
