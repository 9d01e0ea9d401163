"""What of a measured task cannot be read, or is not there: it is told, and harms no other task."""

import pytest

from benchmarks.errors import Cancelled
from service.forecast_bench import replaying
from service.forecast_bench.measure import findings_in, record_in
from service.forecast_bench.replayed import read_replays, replays_in
from service.forecast_bench.replaying import replay_all


def test_a_record_that_cannot_be_read_is_told_and_harms_no_other(bench_world, tmp_path):
    bench, tasks, told = bench_world
    record_in(bench.out, "one").write_text("torn")
    done = replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    assert [one.name for one in done.left_out] == ["one"]
    assert {each.task for each in done.replays} == {"two", "three", "four"}
    assert any("no record of this benchmark" in line for line in told)


def test_replays_that_cannot_be_read_are_told_and_kept_and_harm_no_other(bench_world, tmp_path):
    bench, tasks, told = bench_world
    path = replays_in(bench.out, "one")
    path.write_text("mine\n")
    done = replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    assert [one.name for one in done.left_out] == ["one"]
    assert {each.task for each in done.replays} == {"two", "three", "four"}
    assert path.read_text() == "mine\n"
    assert any("one.replays.jsonl: no replays of a forecast" in line for line in told)


def test_a_task_without_evidence_or_record_is_told_and_left_out(bench_world, tmp_path):
    bench, tasks, told = bench_world
    findings_in(bench.out, "one").unlink()
    record_in(bench.out, "two").unlink()
    done = replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    reasons = {one.name: one.reason for one in done.left_out}
    assert reasons == {
        "one": "no evidence was collected at the size small.",
        "two": "nothing was measured at the size small.",
    }
    assert {each.task for each in done.replays} == {"three", "four"}
    assert f"two is left out: {reasons['two']}" in told


@pytest.mark.parametrize("text", ["{torn", '{"new": {"records": "gone.jsonl", "source": "x"}}'])
def test_comparisons_that_cannot_be_read_are_told_and_teach_nothing(text, bench_world, tmp_path):
    bench, tasks, told = bench_world
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "comparisons.json").write_text(text)
    done = replay_all([tasks["one"]], bench, shipped=tmp_path / "none")
    assert {each.task for each in done.replays} == {"one"}
    assert any(line.startswith("comparisons.json is left out: ") for line in told)


def test_an_interrupted_run_stores_each_forecast_once(bench_world, tmp_path, monkeypatch):
    """Where results and output are one folder, as for those of the repository."""
    bench, tasks, _ = bench_world
    whole = replay_all([*tasks.values()], bench, shipped=bench.out)
    path = replays_in(bench.out, "one")
    kept = path.read_text()

    def stopped(*given):
        raise Cancelled("told to")

    monkeypatch.setattr(replaying, "as_shipped", stopped)
    for _ in range(2):
        with pytest.raises(Cancelled):
            replay_all([*tasks.values()], bench, shipped=bench.out)
    assert sorted(path.read_text().splitlines()) == sorted(kept.splitlines())
    assert len(read_replays(path)) == len([one for one in whole.replays if one.task == "one"])
