"""The benchmark of kills: when it kills, what it holds against the undisturbed run, its figures."""

from collections import Counter
from dataclasses import replace
from itertools import cycle

import pytest
from example_run import example_records

from benchmarks.errors import BenchmarkError
from benchmarks.journal import line_of
from benchmarks.records import BatchRecord, LatencyRecord, OutcomeRecord
from benchmarks.speed.sheet import Measurement
from service.database import open_database
from service.reliability import supervised
from service.reliability.kills import MOST_MISSES, checks, kind_for, may_aim
from service.reliability.left import (
    against,
    files_below,
    files_of,
    records_in,
    samples,
    unfinished,
)
from service.reliability.moments import ANY, BEGIN, PHASES, PROBING, RACING
from service.reliability.supervised import Watch
from service.report import build_report
from service.storage import ComparisonRow, RecordsRow, TaskRow, UnitRow, now
from service.store import Store


def shown(*phases, state="running", total=2, at="1"):
    rows = [{"strategy": f"s{n}", "phase": phase} for n, phase in enumerate(phases)]
    return {"state": state, "progress": {"strategies": rows, "total": total, "at": at}}


def test_the_same_run_has_lost_nothing() -> None:
    records = example_records()
    served = build_report(records).model_dump(mode="json", by_alias=True)
    found = against(records, records, served)
    assert (found.lost, found.doubled, found.different) == (0, 0, ())


def test_another_time_is_no_difference_but_another_answer_is() -> None:
    records = example_records()
    slower = [
        one.model_copy(update={"ms": 2 * one.ms}) if isinstance(one, LatencyRecord) else one
        for one in records
    ]
    served = build_report(slower).model_dump(mode="json", by_alias=True)
    assert against(records, slower, served).different == ()
    place, answer = next(
        (n, one)
        for n, one in enumerate(records)
        if isinstance(one, OutcomeRecord) and one.predicted != one.expected
    )
    better = replace(answer, predicted=answer.expected, scores=dict.fromkeys(answer.scores, 1.0))
    changed = [*records[:place], better, *records[place + 1 :]]
    served = build_report(changed).model_dump(mode="json", by_alias=True)
    held = against(records, changed, served)
    assert (held.lost, held.doubled) == (0, 0)
    assert held.different


def test_a_report_that_its_records_do_not_give_is_different() -> None:
    records = example_records()
    served = build_report(records).model_dump(mode="json", by_alias=True)
    served["strategies"][0]["quality"] = None
    assert against(records, records, served).different[0].startswith("served: ")


def test_samples_that_are_gone_or_twice_there_are_counted() -> None:
    records = example_records()
    places = [n for n, one in enumerate(records) if isinstance(one, OutcomeRecord)]
    gone = [one for n, one in enumerate(records) if n not in places[:3]]
    twice = [*gone, records[places[-1]]]
    held = against(records, twice, {})
    assert (held.lost, held.doubled) == (3, 1)
    latencies = sum(isinstance(one, LatencyRecord) for one in records)
    kinds = Counter(sample[0] for sample in samples(records).elements())
    assert kinds["latency"] == latencies
    assert kinds["outcome"] == len(places)


@pytest.fixture
def stored(postgres):
    """A store on PostgreSQL with one comparison, as a worker leaves it."""
    engine = open_database(postgres.database_url)
    store = Store(engine)
    with store.begin() as session:
        session.add(TaskRow(id="t", owner=None, created_at=now(), facts={}, spec={}))
        session.flush()
        session.add(
            ComparisonRow(id="c", task="t", state="completed", options={}, created_at=now())
        )
    yield store
    engine.dispose()


def test_records_are_read_in_the_order_of_the_parts(stored) -> None:
    first, second, third = (
        BatchRecord(strategy=name, n=1, seconds=1.0) for name in ("a", "b\u2028", "c")
    )
    with stored.begin() as session:
        for unit, records in ((2, [third]), (0, [first]), (0, [second])):
            lines = b"".join(map(line_of, records)).decode()
            session.add(RecordsRow(work="c", unit=unit, lines=lines))
            session.flush()
        session.add(RecordsRow(work="another", unit=0, lines=line_of(first).decode()))
    assert records_in(stored.engine, "c") == [first, second, third]


def test_what_is_not_done_is_an_orphan_once_all_has_ended(stored) -> None:
    assert unfinished(stored.engine) == []
    unit = {"kind": "comparisons", "flow": "c", "queue": "cpu", "band": 1, "tag": 0}
    with stored.begin() as session:
        session.get(ComparisonRow, "c").state = "running"
        session.add(UnitRow(work="c", position=0, name=":begin", state="done", **unit))
        session.add(UnitRow(work="c", position=2, name="lora", state="running", **unit))
    assert unfinished(stored.engine) == ["comparison c", "unit c lora: running"]


def test_files_that_are_left(tmp_path) -> None:
    scratch = tmp_path / "scratch"
    assert files_below(scratch) == []
    (scratch / "cpu-0").mkdir(parents=True)
    (scratch / "cpu-0" / "draft.json").write_text("{}")
    (scratch / "cpu-0.lock").write_text("")
    assert files_below(scratch) == ["file scratch/cpu-0/draft.json"]
    for name in ("5-1/lora.zip", "5-3/lora.zip"):
        path = tmp_path / "comparisons" / "c" / "artifacts" / name
        path.parent.mkdir(parents=True)
        path.write_text("")
    assert files_of(tmp_path, "c") == {"artifacts/5/lora.zip": 2}


class Scripted:
    """A service that shows one thing after the other."""

    def __init__(self, *looks):
        self.looks = cycle(looks)
        self.killed = []

    def state_of(self, address):
        return next(self.looks)

    def look_after(self):
        pass

    def kill(self, victim):
        self.killed.append(victim)


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch):
    monkeypatch.setattr(supervised, "LOOKS_S", 0.0)


def test_it_waits_for_the_phase_that_it_aims_at() -> None:
    watch = Watch(Scripted(shown(), None, shown("timing"), shown("probing")), "/comparisons/c")
    assert watch.until(0.0, frozenset({"probing", "checking"}))
    assert watch.phase == "probing"
    watch.kill("worker")
    assert watch.phase == "unseen"
    watch.until_seen()
    assert watch.phase == BEGIN


def test_an_end_comes_before_a_phase() -> None:
    watch = Watch(Scripted(shown("timing"), shown(state="failed")), "/comparisons/c")
    assert not watch.until(0.0, frozenset({"probing"}))
    assert watch.state == "failed"


def test_one_that_does_not_end_is_told(monkeypatch) -> None:
    monkeypatch.setattr(supervised, "HUNG_S", 0.05)
    monkeypatch.setattr(supervised, "unfinished", lambda engine: ["unit c lora: queued"])
    service = Scripted(shown("timing"))
    service.engine = None
    with pytest.raises(BenchmarkError, match="lora: queued"):
        Watch(service, "/comparisons/c").until(0.0, frozenset({"probing"}))


def disturbed(number, *hits, **facts):
    told = [{"victim": victim, "phase": phase, "s": 1.0} for victim, phase in hits]
    good = {"lost": 0, "doubled": 0, "equal": True, "different": [], "extra_files": []}
    given = {"kills": told, "state": "completed", "recovered_s": 3.0, **good, **facts}
    return Measurement("kills", "disturbed", number, 9.0, given)


def rest(*orphans, **statuses):
    facts = {"orphans": list(orphans), "statuses": statuses, "ended_by_itself": {}}
    return Measurement("kills", "rest", 0, 1.0, facts)


def test_its_figures() -> None:
    hits = [("worker", phase) for phase in PHASES] * 5
    found = {
        one.name: (one.value, one.met) for one in checks([disturbed(1, *hits), rest()], quick=False)
    }
    assert found == {
        "kills": (5 * len(PHASES), False),
        "kills_in_each_phase": (5, True),
        "samples_lost": (0, True),
        "samples_doubled": (0, True),
        "orphans": (0, True),
        "kills_server_errors": (0, True),
        "reports_equal": (1, True),
        "kills_slowest_end_s": (3.0, None),
    }


def test_what_went_wrong_is_counted() -> None:
    rows = [
        disturbed(1, ("api", "timing"), lost=2, doubled=1, equal=False, extra_files=["x"]),
        disturbed(2),
        rest("process 7", **{"200": 90, "500": 2, "503": 8}),
    ]
    found = {one.name: (one.value, one.met) for one in checks(rows, quick=True)}
    assert found["kills"] == (1, False)
    assert found["kills_in_each_phase"] == (0, False)
    assert found["samples_lost"] == (2, False)
    assert found["samples_doubled"] == (1, False)
    assert found["orphans"] == (2, False)
    assert found["kills_server_errors"] == (2, False)
    assert found["reports_equal"] == (1, False)


def test_a_phase_that_is_never_seen_is_given_up_for_a_kill() -> None:
    """On a quick machine it may be over before anyone looks."""
    hit, missed = disturbed(1, ("api", "timing")), [disturbed(2)] * MOST_MISSES
    assert may_aim([])
    assert may_aim([hit, *missed[1:]])
    assert not may_aim([hit, *missed])
    assert not may_aim([hit, *missed, hit]), "what was not seen then will hardly be seen now"


def test_no_comparison_is_begun_that_cannot_come_to_what_is_aimed_at() -> None:
    assert {kind_for(n, ANY) for n in range(2)} == {"plain", "raced"}
    for number in range(2):
        assert kind_for(number, frozenset({RACING})) == "raced"
        assert kind_for(number, frozenset({PROBING})) == "plain"
        assert kind_for(number, frozenset({PROBING, "checking"})) == "plain"
        assert kind_for(number, frozenset({RACING, PROBING})) == kind_for(number, ANY)
