"""Prices, horizon cost and break-even volumes by hand."""

import numpy as np
import pytest

from benchmarks.break_even import break_evens
from benchmarks.costs import RunPrices, TokenPrice, read_prices
from benchmarks.draws import Draws
from benchmarks.errors import BadPriceFile
from benchmarks.records import BatchRecord, OutcomeRecord
from benchmarks.spending import Spending, cost_of, hosted_units, local_units, refresh_seconds
from corpora.errors import InvalidInput
from corpora.task import Needs

PRICES = RunPrices(machine="m", usd_per_hour=3.6, source="made up", as_of="2026-01")


def spending(setup, *batches, refresh=0.0):
    """Batches are seconds of 10 requests each; a second costs 0.001 dollars."""
    records = [BatchRecord(strategy="s", n=10, seconds=seconds) for seconds in batches]
    return Spending(setup, refresh, local_units(records, PRICES))


def test_defaults_state_their_date_and_source():
    prices = read_prices()
    assert prices.machines["cpu-2-core"].usd_per_hour == 0.09
    assert all(machine.source and machine.as_of for machine in prices.machines.values())


@pytest.mark.parametrize(
    ("cores", "gpu", "machine"),
    [
        (1, False, "cpu-2-core"),
        (2, False, "cpu-2-core"),
        (3, False, "cpu-4-core"),
        (64, False, "cpu-16-core"),
        (16, True, "gpu"),
    ],
)
def test_the_machine_is_the_smallest_that_has_the_cores(cores, gpu, machine):
    assert read_prices().machine_for(cores=cores, gpu=gpu) == machine


def test_no_processor_is_quoted_as_quicker_than_its_cores_make_it():
    machines = read_prices().machines
    small, base = machines["cpu-2-core"], machines["cpu-2-core"].speed.model_dump()
    for name in ("cpu-4-core", "cpu-16-core"):
        most = machines[name].cores / small.cores
        for what, speed in machines[name].speed.model_dump().items():
            assert base[what] <= speed <= most * base[what], (name, what)


def test_a_price_file_holds_only_what_it_changes(tmp_path, monkeypatch):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "machine: cpu-2-core\n"
        "machines: {cpu-2-core: {usd_per_hour: 1}}\n"
        "models: {mine: {input: 1, cached: 0.1, output: 2, source: bill, as_of: 2026-01-31}}\n"
    )
    prices = read_prices(file)
    assert prices.machines["cpu-2-core"].usd_per_hour == 1
    assert prices.machines["cpu-2-core"].cores == 2
    assert prices.tokens_for("mine").as_of == "2026-01-31"
    monkeypatch.setenv("TUNEWORTH_PRICES", str(file))
    assert read_prices() == prices


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("machines: {cpu-2-core: {usd_per_hour: -1}}", "machines.cpu-2-core.usd_per_hour"),
        ("machines: {mine: {usd_per_hour: 1}}", "machines.mine.cores"),
        (
            "models: {m: {input: cheap, cached: 0, output: 0, source: s, as_of: d}}",
            "models.m.input",
        ),
        ("hardware: 3", "hardware"),
        ("machines: [", "file"),
        ("- 1", "file"),
    ],
)
def test_a_wrong_price_file_names_the_field(tmp_path, text, field):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(BadPriceFile) as caught:
        read_prices(file)
    assert caught.value.field == field
    assert str(file) in str(caught.value)


def test_a_missing_price_file_and_an_unknown_machine(tmp_path):
    with pytest.raises(BadPriceFile, match="no such file"):
        read_prices(tmp_path / "none.yaml")
    named = read_prices().model_copy(update={"machine": "laptop"})
    with pytest.raises(BadPriceFile, match="Choose one of: auto, cpu-2-core"):
        named.machine_for(cores=2, gpu=False)


def test_cached_tokens_are_charged_at_their_price():
    price = TokenPrice(input=1.0, cached=0.1, output=4.0, source="s", as_of="d")
    assert price.usd(1000, 800, 50) == pytest.approx((200 + 80 + 200) / 1e6)
    prices = PRICES.model_copy(update={"models": {"m": price}})
    rows = [
        OutcomeRecord(
            strategy="s",
            example="1",
            state="ok",
            prompt_tokens=1000,
            cached_tokens=800,
            completion_tokens=50,
        ),
        OutcomeRecord(strategy="s", example="2", state="error", error="timeout"),
    ]
    assert hosted_units(rows, "m", prices) == pytest.approx(np.array([[480e-6, 1.0]]))


def test_a_known_hosted_model_has_its_listed_price():
    price = read_prices().tokens_for("gpt-4o-mini")
    assert (price.input, price.cached, price.output) == (0.15, 0.075, 0.6)


def test_horizon_cost_by_hand():
    """100 s of setup, 52 refreshes of 10 s, 0.2 s a request, 500 requests a month, a year."""
    needs = Needs(requests_per_month=500, documents_change="weekly")
    cost = cost_of(spending(100, 2.0, refresh=10.0), needs, PRICES)
    assert cost.setup_usd == pytest.approx(0.1)
    assert cost.per_1k_requests_usd == pytest.approx(0.2)
    assert cost.monthly_usd == pytest.approx(0.1)
    assert cost.horizon_usd == pytest.approx(0.1 + 52 * 0.01 + 12 * 0.1)
    unknown = cost_of(spending(100, 2.0), Needs(), PRICES)
    assert (unknown.monthly_usd, unknown.horizon_usd) == (None, None)


def test_only_what_reads_documents_is_refreshed():
    assert refresh_seconds("fine-tuning", 300, False, [5]) == 0
    assert refresh_seconds("rag", 6, True, [5, 6]) == 6
    assert refresh_seconds("combined", 300, True, [5, 6]) == 6
    assert refresh_seconds("combined", 300, True, []) == 300


def test_break_even_by_hand():
    """2 dollars dearer to set up, 0.001 cheaper a request: 2 / (12 × 0.001) a month."""
    found = break_evens(
        {"prompt": 0.9, "lora": 0.9},
        {"prompt": spending(0, 20.0, 20.0), "lora": spending(2000, 10.0, 10.0)},
        Needs(),
        PRICES,
    )
    (line,) = found
    assert (line.from_, line.to) == ("prompt", "lora")
    assert line.requests == pytest.approx(2 / (12 * 0.001))
    assert line.low == line.high == pytest.approx(line.requests)


def test_break_even_is_bounded_by_the_spread_of_the_batches():
    found = break_evens(
        {"prompt": 0.9, "lora": 0.9},
        {"prompt": spending(0, 18.0, 20.0, 22.0), "lora": spending(2000, 9.0, 10.0, 11.0)},
        Needs(),
        PRICES,
    )
    assert found[0].low < 2 / 0.012 < found[0].high
    noisy = break_evens(
        {"prompt": 0.9, "lora": 0.9},
        {"prompt": spending(0, 5.0, 20.0, 30.0), "lora": spending(2000, 4.0, 15.0, 30.0)},
        Needs(),
        PRICES,
    )
    assert noisy[0].requests is not None
    assert noisy[0].high is None


def test_never_and_dominated():
    better = {"prompt": 0.8, "rag": 0.9, "worse": 0.7}
    found = break_evens(
        better,
        {
            "prompt": spending(0, 10.0),
            "rag": spending(500, 30.0),
            "worse": spending(600, 40.0),
        },
        Needs(),
        PRICES,
    )
    assert [(line.from_, line.to, line.requests) for line in found] == [("prompt", "rag", None)]


def test_an_unpriced_machine_is_refused_and_a_priced_one_is_kept_in_the_record():
    prices = read_prices()
    host = prices.host("cpu-4-core")
    assert (host.usd_per_hour, host.memory_gb, host.machine) == (0.18, 8, "cpu-4-core")
    with pytest.raises(InvalidInput, match=r"deployment\.machine.*did you mean 'cpu-4-core'"):
        prices.host("cpu-4-cores")


def test_draws_of_a_pair_are_kept_and_a_new_pair_takes_those_of_its_own():
    draws, other = Draws(3), Draws(3)
    first = draws.of_pair("a", 5, "b", 7)
    again = other.of_pair("a", 5, "b", 7)
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()
    assert draws.of_pair("a", 5, "b", 7) is first
    assert [counts.sum(axis=1).tolist() for counts in first] == [[5] * 2000, [7] * 2000]
    draws.settled = True
    assert draws.of_pair("a", 5, "c", 4)[0] is draws.alone("a", 5)
    assert draws.of_pair("a", 5, "b", 7) is first
