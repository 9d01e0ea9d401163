"""From rounds to figures: ratios, what is equal, growth."""

import pytest

from benchmarks.speed.checks import all_met
from benchmarks.speed.figures import agreement, exponent, judged, speed_checks
from benchmarks.speed.sheet import Measurement


def values(checks):
    return {check.name: check.value for check in checks}


def met(checks):
    return {check.name: check.met for check in checks if check.met is not None}


def rounds_of(piece, peer, ours, facts=None):
    """Measurements of both sides with the seconds given, one a round."""
    return [
        Measurement(piece, side, round, seconds, (facts or {}).get(side, {}))
        for side, every in (("peer", peer), ("ours", ours))
        for round, seconds in enumerate(every, start=1)
    ]


def test_a_ratio_is_the_median_of_rounds_with_its_spread():
    checks = speed_checks(rounds_of("rag", [60.0, 70.0, 30.0], [10.0, 10.0, 10.0]))
    found = values(checks)
    assert found["rag_vs_generate"] == 6.0
    assert (found["rag_vs_generate_lowest"], found["rag_vs_generate_highest"]) == (3.0, 7.0)
    assert found["rag_vs_generate_rounds"] == 3
    assert (found["rag_seconds_peer"], found["rag_seconds_ours"]) == (60.0, 10.0)
    assert met(checks) == {"rag_vs_generate": True}
    assert met(speed_checks(rounds_of("latency", [2.9] * 3, [1.0] * 3))) == {
        "latency_vs_generate": False
    }


def test_fewer_than_three_rounds_are_only_stated():
    checks = speed_checks(rounds_of("lora", [100.0, 100.0], [1.0, 1.0]))
    assert values(checks)["lora_vs_trl"] == 100.0
    assert met(checks) == {}
    assert all_met(checks)


def test_the_whole_comparison_adds_up_the_three_of_each_round():
    measured = [
        *rounds_of("label_scoring", [100.0] * 3, [10.0] * 3),
        *rounds_of("rag", [60.0, 60.0, 120.0], [10.0] * 3),
        *rounds_of("lora", [100.0] * 3, [20.0] * 3),
    ]
    found = values(speed_checks(measured))
    assert found["comparison_vs_peers"] == 260 / 40
    assert found["comparison_vs_peers_highest"] == 320 / 40
    assert "comparison_vs_peers_with_batch" not in found
    measured += rounds_of("rag_batch", [30.0] * 3, [10.0] * 3)
    assert values(speed_checks(measured))["comparison_vs_peers_with_batch"] == 230 / 40


def test_a_round_that_one_side_lacks_has_no_ratio():
    measured = rounds_of("rag", [10.0, 20.0], [10.0])
    assert values(speed_checks(measured))["rag_vs_generate_rounds"] == 1


def test_choices_are_held_against_the_reference_of_their_kind():
    ours = {"plain": [0] * 98 + [1, 1], "ended": [0] * 97 + [2, 2, 2], "quality": {"acc": 0.5}}
    measured = [
        *rounds_of("label_scoring", [10.0] * 3, [1.0] * 3, {"ours": ours}),
        Measurement("label_scoring", "reference", 0, 9.0, {"plain": [0] * 100, "ended": [0] * 100}),
        Measurement(
            "label_scoring", "exact", 0, 9.0, {"plain": [0] * 99 + [1], "ended": [0] * 100}
        ),
    ]
    checks = speed_checks(measured)
    found = values(checks)
    assert found["label_scoring_same_choices"] == pytest.approx(0.98)
    assert found["label_scoring_same_choices_as_float32"] == pytest.approx(0.99)
    assert found["label_scoring_same_choices_reference_as_float32"] == pytest.approx(0.99)
    assert found["label_scoring_accuracy_ours"] == 0.5
    assert met(checks) == {
        "label_scoring_vs_lm_eval": True,
        "label_scoring_same_choices": True,
        "label_scoring_same_choices_with_end": False,
    }


def test_answers_are_equal_where_all_their_ids_are():
    alone = [[1, 2], [3], [4]]
    read = {"in_tokens": 700}
    measured = [
        *rounds_of("rag", [6.0] * 3, [1.0] * 3, {"peer": read, "ours": {**read, "ids": alone}}),
        *rounds_of(
            "rag_batch",
            [6.0] * 3,
            [1.0] * 3,
            {"peer": {"in_tokens": 701}, "ours": {**read, "ids": [[1, 2], [3], [4, 5]]}},
        ),
        Measurement("rag", "reference", 0, 6.0, {"ids": alone, "batched_ids": [[1], [3], [4]]}),
    ]
    checks = speed_checks(measured)
    found = values(checks)
    assert found["generate_batch_same_token_ids"] == pytest.approx(2 / 3)
    assert found["rag_batch_same_token_ids"] == pytest.approx(2 / 3)
    assert met(checks) == {
        "rag_vs_generate": True,
        "rag_vs_generate_batch": True,
        "rag_same_token_ids": True,
        "rag_same_prompt_tokens": True,
        "rag_batch_same_token_ids": False,
        "rag_batch_same_prompt_tokens": False,
    }


@pytest.mark.parametrize(("ours", "good"), [([[1], [2], [3]], True), ([[1], [2], [4]], False)])
def test_equal_answers_are_asked_for_in_float32_too(ours, good):
    checks = speed_checks(
        [
            Measurement("rag", "reference", 0, 6.0, {"ids": [[1], [5], [6]]}),
            Measurement("rag", "exact", 0, 6.0, {"ids": [[1], [2], [3]]}),
            Measurement("rag", "ours exact", 0, 6.0, {"ids": ours}),
        ]
    )
    assert met(checks) == {"rag_same_token_ids_float32": good}
    assert values(checks)["generate_same_token_ids_as_float32"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("ours", "good"), [(0.92, True), (0.905, False), (0.99, True)])
def test_accuracy_may_be_a_point_below_the_peers_and_any_above(ours, good):
    facts = {"peer": {"quality": {"acc": 0.92}}, "ours": {"quality": {"acc": ours}}}
    checks = speed_checks(rounds_of("lora", [5.0] * 3, [1.0] * 3, facts))
    assert values(checks)["lora_accuracy_lost"] == pytest.approx(100 * (0.92 - ours))
    assert met(checks)["lora_accuracy_lost"] is good


def test_shares_of_the_ceiling_are_medians():
    measured = [
        Measurement("ceiling", "ours", round, 9.0, {"share_prefill": share, "share_training": 0.3})
        for round, share in enumerate((0.5, 0.41, 0.2), start=1)
    ]
    checks = speed_checks(measured)
    assert values(checks)["ceiling_share_prefill"] == 0.41
    assert met(checks) == {"ceiling_share_prefill": True, "ceiling_share_training": False}


def test_depth_is_held_against_every_layer_with_the_same_seed():
    def turn(side, round, seconds, again, accuracy):
        facts = {"again_seconds": again, "quality": {"acc": accuracy}}
        return Measurement("lora_depth", side, round, seconds, facts)

    checks = speed_checks(
        [
            *(turn("full depth", round, 12.0, 11.0, 0.9 + round / 100) for round in (1, 2, 3)),
            *(turn("upper half", round, 6.0 / round, 5.5, 0.9) for round in (1, 2)),
        ]
    )
    found = values(checks)
    assert (found["lora_depth_upper_half"], found["lora_depth_upper_half_rounds"]) == (3.0, 2)
    assert (found["lora_depth_upper_half_lowest"], found["lora_depth_upper_half_highest"]) == (2, 4)
    assert found["lora_depth_upper_half_again"] == 2.0
    assert found["lora_depth_upper_half_accuracy"] == pytest.approx(0.9)
    assert found["lora_depth_upper_half_accuracy_lost"] == pytest.approx(1.5)
    assert not any("third" in name for name in found)
    assert met(checks) == {}, "stated, without a target"


def test_growth_takes_the_steeper_slope_and_leaves_the_rows_out_of_memory():
    seconds = {100: 2.0, 1000: 3.0, 10_000: 30.0}
    measured = [
        Measurement(
            "growth",
            f"{rows} rows",
            round,
            seconds[rows],
            {"rows": rows, "rows_mb": rows / 100, "peak_mb": 500 + rows / 100},
        )
        for rows in seconds
        for round in (1, 2, 3)
    ]
    checks = speed_checks(measured)
    found = values(checks)
    assert found["growth_exponent"] == found["growth_exponent_last_sizes"] == pytest.approx(1.0)
    assert found["growth_exponent_all_sizes"] < 0.7
    assert (found["memory_growth"], found["memory_growth_added"]) == (1.0, 0.0)
    assert met(checks) == {"growth_exponent": True, "memory_growth": True}


def test_small_rules():
    assert exponent([1, 10, 100], [2.0, 200.0, 20_000.0]) == pytest.approx(2.0)
    assert agreement([1, 2, 3, 4], [1, 2, 3, 5]) == 0.75
    assert judged("any", 1.0, "times", None, 9).met is None
    assert speed_checks([]) == []
