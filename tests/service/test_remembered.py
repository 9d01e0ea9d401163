"""What is kept in memory for those who ask again."""

from service.remembered import Remembered


def test_the_last_ones_are_kept_each_at_one_revision() -> None:
    kept, read = Remembered[str](2), []

    def get(key: str, revision: int = 1) -> str:
        def found() -> str:
            read.append(f"{key}{revision}")
            return read[-1]

        return kept.get(key, revision, found)

    assert [get("a"), get("b"), get("a"), get("b", 2)] == ["a1", "b1", "a1", "b2"]
    assert read == ["a1", "b1", "b2"]
    get("a")
    get("c")
    assert kept.ids() == ["a", "c"], "b was asked for longest ago"
    kept.forget("a")
    kept.forget("never")
    assert (get("a"), read[-2:]) == ("a1", ["c1", "a1"])


def test_what_cannot_be_read_is_not_kept() -> None:
    kept = Remembered[int](2)
    try:
        kept.get("a", 1, lambda: 1 // 0)
    except ZeroDivisionError:
        assert kept.ids() == []
    assert kept.get("a", 1, lambda: 5) == 5
