"""How far a comparison is, from what each of its units noted."""

from typing import Any

from benchmarks.progress import ProgressEvent
from service.counting import Counts
from service.progress import Progress, ProgressBoard, merged


def noted(*events: ProgressEvent, **counts: int) -> dict[str, Any]:
    board = ProgressBoard()
    for event in events:
        board.note(event)
    board.count(Counts(**counts))
    found = board.changes()
    assert found is not None
    return found


def event(phase, strategy=None, fraction=0.0, message="", total=4) -> ProgressEvent:
    return ProgressEvent(strategy, phase, fraction, None, 1, total, message)


def test_nothing_was_noted_yet() -> None:
    assert merged([], 0) == merged([{}, {}], 0) == Progress().model_dump(mode="json")
    assert merged([{}], 3)["total"] == 3


def test_units_side_by_side_are_one_progress() -> None:
    race = noted(event("racing", "a", 1.0), event("racing", "b", 1.0), event("done", "c", 1.0))
    first = noted(event("answering", "a", 0.4), samples=3, prompt_tokens=30)
    second = noted(event("done", "b", 1.0), samples=5, errors=1)
    found = merged([{}, race, first, second], 3)
    assert [(row["strategy"], row["phase"]) for row in found["strategies"]] == [
        ("a", "answering"),
        ("b", "done"),
        ("c", "done"),
    ]
    assert (found["total"], found["fraction"]) == (4, (0.8 + 1 + 1) / 4)
    counts = {name: found["counts"][name] for name in ("samples", "errors", "prompt_tokens")}
    assert counts == {"samples": 8, "errors": 1, "prompt_tokens": 30}
    assert found["at"] == max(race["at"], first["at"], second["at"])
    assert Progress.model_validate(found).total == 4


def test_what_was_said_at_the_beginning_is_past_once_more_has_begun() -> None:
    begin = noted(event("loading", message="small"))
    assert merged([begin, {}], 2)["message"] == "loading small"
    assert merged([begin, noted(event("timing", "a"))], 2)["message"] == ""
    loading = noted(event("loading", message="large"))
    assert merged([begin, loading, loading], 2)["message"] == "loading large"
    other = noted(event("loading", message="other"))
    assert merged([begin, loading, other], 2)["message"] == "loading large; loading other"
