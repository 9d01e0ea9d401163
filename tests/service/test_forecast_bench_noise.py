"""What the luck of rows and seeds does to qualities and regrets, against repeated draws."""

from dataclasses import replace

import numpy as np
import pytest
from bench_worlds import audit, line, record_of, task_line, truth

from service.forecast_bench.figures import figures_of, misses_of, overall, pooled_seed_variance
from service.forecast_bench.halves import crossings
from service.forecast_bench.misses import rmse_without_noise
from service.forecast_bench.noise import Losses, SeedNoise, difference_variance, row_variance
from service.forecast_bench.record import TaskRecord
from service.forecast_bench.regret import chance_found, error_of
from service.forecast_bench.replayed import FORECAST, Foretold, Replay
from service.forecast_bench.tracks import (
    marks_in,
    mean_qualities,
    seeds_in,
    tracks_by_strategy,
    tracks_in,
)
from service.forecast_bench.truth import computed


def track(scores, groups=None):
    rows = tuple(f"r{n}" for n in range(len(scores)))
    record = TaskRecord(task=task_line(rows, groups=groups), strategies=(line("lora", scores),))
    return tracks_in(record, 0)[0], record.task.task


def told(task="t", predicted=None, **more):
    foretold = {
        name: Foretold(value=value, low=value - 0.05, high=value + 0.05, p_best=None)
        for name, value in (predicted or {}).items()
    }
    defaults = {"key": "", "source": task, "way": FORECAST, "budget": 0.07, "pick": "lora"}
    seconds = {"commit": "yes", "seconds": 50.0, "operations": 0.0}
    return Replay(task=task, strategies=foretold, **{**defaults, **seconds, **more})


class TestRows:
    def test_mixed_rows_have_the_variance_of_their_mean(self):
        scores = [1.0, 0.0, 1.0, 1.0] * 10
        assert row_variance(*track(scores)) == pytest.approx(np.var(scores, ddof=1) / 40)

    @pytest.mark.parametrize("score", [0.0, 1.0])
    def test_all_right_and_all_wrong_are_not_known_for_certain(self, score):
        share = 0.375 / 40.75
        found = row_variance(*track([score] * 40))
        assert found == pytest.approx(share * (1 - share) / 40)
        one_off = row_variance(*track([score] * 39 + [1 - score]))
        assert 0 < found < one_off

    def test_groups_count_once_there_too(self):
        groups = tuple(f"g{n % 4}" for n in range(40))
        share = 0.375 / 4.75
        found = row_variance(*track([1.0] * 40, groups))
        assert found == pytest.approx(share * (1 - share) / 4)

    def test_graded_scores_and_a_single_group_stay_as_they_were(self):
        assert row_variance(*track([0.5] * 40)) == 0.0
        assert row_variance(*track([1.0] * 40, ("g",) * 40)) == 0.0


class TestSeeds:
    def noises(self, spread, count=60):
        """Of as many worlds, three trainings in each that differ by so much."""
        rng = np.random.default_rng(1)
        for world in range(count):
            lines = [
                record_of({"lora": 0.6 + off}, rows=300, seed=world).strategies[0]
                for off in rng.normal(0, spread, 3)
            ]
            head = record_of({"lora": 0.6}, rows=300, seed=world).task
            strategies = tuple(each.model_copy(update={"seed": n}) for n, each in enumerate(lines))
            yield seeds_in(TaskRecord(task=head, strategies=strategies))

    def test_what_trainings_differ_by_is_found(self):
        found = [*self.noises(0.05)]
        assert {each.freedom for each in found} == {2}
        assert np.mean([each.variance for each in found]) == pytest.approx(0.05**2, rel=0.3)

    def test_rows_that_each_training_gets_wrong_by_luck_are_no_difference(self):
        records = [
            record_of({"lora": 0.6}, rows=150, seed=seed, seeds=(0, 1, 2)) for seed in range(80)
        ]
        found = [seeds_in(record).variance for record in records]
        values = [
            np.var([np.mean(each.scores) for each in record.strategies], ddof=1)
            for record in records
        ]
        # by the values alone they seem to differ by two points and a half
        assert np.mean(values) > 0.02**2
        assert abs(np.mean(found)) < 2.5 * np.std(found) / len(found) ** 0.5

    def test_only_adapters_with_fixed_settings_tell(self):
        rows = tuple(f"r{n}" for n in range(20))
        lines = [line("lora", ([1.0, 0.0] * 10)[n:] + [1.0] * n, seed=n) for n in range(3)]
        record = TaskRecord(task=task_line(rows), strategies=tuple(lines))
        assert seeds_in(record).freedom == 2
        for name, family in (("lora.optimized", "fine-tuning"), ("prompt.nearest", "prompting")):
            other = tuple(
                each.model_copy(
                    update={
                        "facts": each.facts.model_copy(
                            update={"id": name, "name": name, "family": family}
                        )
                    }
                )
                for each in lines
            )
            assert seeds_in(TaskRecord(task=task_line(rows), strategies=other)) == SeedNoise()

    def test_pooled_by_degrees_of_freedom_and_never_below_0(self):
        found = SeedNoise(0.0004, 2).with_(SeedNoise(0.0001, 4))
        assert (found.variance, found.freedom) == (pytest.approx(0.0002), 6)
        one, other = truth("t", known={}), truth("u", known={})
        one = one.model_copy(update={"seed_variance": -0.0009, "seed_freedom": 2})
        assert pooled_seed_variance({"t": one}) == 0.0
        other = other.model_copy(update={"seed_variance": 0.0015, "seed_freedom": 4})
        assert pooled_seed_variance({"t": one, "u": other}) == pytest.approx(0.0007)

    def test_a_true_forecast_of_adapters_trained_once_has_no_error(self):
        rng = np.random.default_rng(4)
        noise, seed, tasks = 0.02, 0.03, 400
        truths, replays = {}, []
        for number in range(tasks):
            value = 0.6 + rng.normal(0, noise) + rng.normal(0, seed)
            name = f"t{number}"
            made = truth(
                name, known={"lora": (value, noise**2, 1.0)}, audits=[audit("lora", lora=0.6)]
            )
            known = {"lora": made.known["lora"].model_copy(update={"trainings": 1})}
            told_seed = seed**2 * rng.chisquare(2) / 2
            truths[name] = made.model_copy(
                update={"known": known, "seed_variance": told_seed, "seed_freedom": 2}
            )
            replays.append(told(name, {"lora": 0.6}))
        luck = pooled_seed_variance(truths)
        assert luck == pytest.approx(seed**2, rel=0.15)
        blind = [m for r in replays for m in misses_of(r, truths[r.task])]
        assert rmse_without_noise(blind) == pytest.approx(seed, rel=0.15)
        found = overall(replays, truths)
        assert found.rmse < 0.012
        assert found.rmse_raw == pytest.approx(np.hypot(noise, seed), rel=0.1)

    def test_means_of_several_trainings_hold_less_of_it_and_others_none(self):
        known = {"lora": (0.6, 0.0001, 1.0), "baseline.linear": (0.5, 0.0001, 0.0)}
        made = truth(known=known)
        lora = made.known["lora"].model_copy(update={"trainings": 3})
        made = made.model_copy(update={"known": {**made.known, "lora": lora}})
        found = misses_of(told(predicted={"lora": 0.6, "baseline.linear": 0.5}), made, 0.0009)
        assert [each.variance for each in found] == pytest.approx([0.0004, 0.0001])


class TestRegrets:
    def drawn(self, seed):
        """The regret of picking one strategy where the other always wins, and its error."""
        qualities = {"baseline.linear": 0.55, "lora": 0.7}
        record = record_of(qualities, rows=60, seed=seed)
        pairs = crossings(record.task.rows, None, splits=2)
        losses, lost = Losses(len(pairs)), []
        for _, judging in pairs:
            tracks = tracks_by_strategy(record, [0], set(judging))
            found = mean_qualities(record, tracks)
            lost.append(found["lora"] - found["baseline.linear"])
            losses.add("lora", marks_in(record, tracks), None)
        return np.mean(lost), losses

    def test_their_errors_are_those_of_repeated_draws(self):
        drawn = [self.drawn(seed) for seed in range(120)]
        spread = np.std([regret for regret, _ in drawn])
        told_ = np.mean([each.errors["baseline.linear"] ** 2 for _, each in drawn]) ** 0.5
        assert told_ == pytest.approx(spread, rel=0.2)
        assert all(each.errors["lora"] == 0.0 for _, each in drawn)

    def test_a_pick_that_one_audit_lacks_was_worth_nothing_there(self):
        whole = Losses(2)
        for _ in range(2):
            whole.add("a", {"a": [{("row", "1"): 0.2}], "b": [{("row", "1"): 0.1}]}, "b")
        late = Losses(2)
        late.add("a", {"a": [{("row", "1"): 0.2}], "b": [{("row", "1"): 0.1}]}, "b")
        both = {"a": [{("row", "1"): 0.2}], "b": [{("row", "1"): 0.1}], "c": [{("row", "1"): 0.1}]}
        late.add("a", both, "b")
        assert whole.errors == pytest.approx({"a": 0.0, "b": 0.1})
        assert late.errors == pytest.approx({"a": 0.0, "b": 0.1, "c": 0.1})
        assert late.error_of_nothing == pytest.approx(0.1)

    def test_a_measured_task_knows_them(self):
        record = record_of({"baseline.majority": 0.3, "lora": 0.7}, rows=60, seeds=(0, 1))
        made = computed(record, splits=1)
        assert made.errors["lora"] == 0.0
        assert 0.05 < made.errors["baseline.majority"] < 0.2
        assert made.error_of_nothing == pytest.approx(made.errors["baseline.majority"])
        assert {name: each.trainings for name, each in made.known.items()} == {
            "baseline.majority": 0,
            "lora": 2,
        }
        assert made.seed_freedom == 1

    @pytest.mark.parametrize(("error", "chance"), [(0.0, 1.0), (0.02, 0.8413), (0.04, 0.6915)])
    def test_no_regret_is_within_the_margin_as_surely_as_it_is_known(self, error, chance):
        made = truth(known={}, audits=[audit("lora", lora=0.7, prompt_nearest=0.7)])
        made = made.model_copy(update={"errors": {"prompt.nearest": error}})
        assert error_of("prompt.nearest", made) == error
        assert chance_found("prompt.nearest", made) == pytest.approx(chance, abs=1e-4)

    def test_what_was_never_measured_has_the_error_of_nothing(self):
        made = truth(known={}, audits=[audit("lora", nothing=0.68, lora=0.7)])
        made = made.model_copy(update={"errors": {"lora": 0.0}, "error_of_nothing": 0.01})
        assert error_of(None, made) == error_of("never.heard.of", made) == 0.01
        assert chance_found(None, made) == pytest.approx(0.5)

    def test_a_mean_regret_has_the_error_of_a_mean(self):
        known = {"lora": (0.7, 0.0, 1.0)}
        truths = {
            name: truth(name, known=known, audits=[audit("x", x=0.73, lora=0.7)]).model_copy(
                update={"errors": {"lora": error}}
            )
            for name, error in (("t", 0.03), ("u", 0.04))
        }
        found = overall([told("t"), told("u")], truths)
        assert found.mean_regret == pytest.approx(0.03)
        assert found.mean_regret_error == pytest.approx(0.05 / 2)
        assert found.found_chance == pytest.approx((0.3694 + 0.4013) / 2, abs=1e-4)


def test_thinking_is_not_saved():
    made = truth(known={}, audits=[audit("lora", lora=0.7)], seconds=1000.0)
    one = told(seconds=50.0, deciding_seconds=30.0)
    assert figures_of(one, made).saved == pytest.approx(0.92)
    assert overall([one], {"t": made}).saved == pytest.approx(0.92)


def test_the_variance_of_a_difference_is_by_row():
    one, task = track([1.0, 0.0, 1.0, 0.0] * 5)
    same = replace(one)
    other, _ = track([0.0, 1.0, 1.0, 0.0] * 5)
    assert difference_variance(one, same, task) == 0.0
    off = np.array([1.0, -1.0, 0.0, 0.0] * 5)
    assert difference_variance(one, other, task) == pytest.approx(np.var(off, ddof=1) / 20)
