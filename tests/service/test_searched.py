"""What a report says of searches: what was tried, what was chosen, and whether it paid."""

import io
import json
from pathlib import Path

import pytest
from example_run import example_records
from planted import reported, strategy, summary_of
from rich.console import Console
from searched_run import searched_records

from benchmarks.journal import JOURNAL, Journal
from benchmarks.quote import Quote, QuoteRow
from benchmarks.records import RunRecord, SetupRecord
from benchmarks.results import Comparison
from corpora.task import Search
from service import searched
from service.before_after import LEANS, before_after, paid, pair_notes
from service.cli_compare import show_report
from service.cli_tables import quote_table, quote_text
from service.html import as_html
from service.markdown import as_markdown
from service.published import write_reports
from service.report import Report, build_report
from service.suitability import is_tuned
from service.trained import trained_once
from service.verify import verify


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(searched_records())


def pair_report(difference: float, low: float, high: float, **more: object) -> Report:
    """A default and a searched strategy whose paired difference is as stated."""
    one = strategy("prompt.few-shot", 0.6, 0.05)
    other = strategy("prompt.optimized", 0.6 + difference, 0.05)
    other = other.model_copy(update={"search_budget": Search(), **more})
    gap = Comparison(
        a=one.id, b=other.id, difference=-difference, low=-high, high=-low, p_value=0.5, n=150
    )
    return reported(summary_of(one, other).model_copy(update={"comparisons": (gap,)}))


def test_each_search_says_what_it_tried_and_what_it_changed(report: Report) -> None:
    one, other = searched.searches_of(report)
    assert (one.result.id, other.result.id) == ("prompt.optimized", "lora.optimized")
    assert searched.tried(one) == "6 of 8 settings"
    assert searched.spent(one) == "2 min 20 s of 3 min"
    assert searched.scores(one) == "0.75 → 0.97"
    assert one.n == 40
    assert searched.change(one) == "shots 8 → 16, choice balanced → nearest"
    assert searched.setup(one.result) == "2 min 32 s, $0.0038"
    assert searched.tried(other) == "3 of 8 settings"
    assert searched.spent(other) == "3 min 1 s of 3 min, then 3 min 10 s for the last training"
    assert searched.scores(other) == "0.95"
    assert searched.change(other) == "nothing: the default stands"
    assert searched.ends(one) == ("0.12", "0.97")


def test_the_table_has_every_try_in_order(report: Report) -> None:
    head, rows = searched.tries_table(searched.searches_of(report)[0])
    assert head == ["try", "shots", "choice", "validation score", "rows", "time", ""]
    assert rows[0] == ["1", "8", "balanced", "0.75", "40", "21 s", "default"]
    assert rows[2] == ["3", "0", "none", "0.12", "16", "4.2 s", "not taken: clearly behind"]
    assert rows[3][-1] == "chosen"
    assert len(rows) == 6


def test_a_fixed_list_and_defaults_are_told_apart_from_a_search(report: Report) -> None:
    said = " ".join(searched.search_notes(report))
    assert "baseline.linear chose c 100 from 3 settings of its own list" in said
    assert "(validation score 0.95 on 40 rows)" in said
    assert "lora, prompt.few-shot, prompt.zero-shot and baseline.majority ran with default" in said


@pytest.mark.parametrize(
    ("threshold", "said"),
    [(0.839043, "threshold 0.84, answered cheaply 92%"), ("never cheap", "threshold never cheap,")],
)
def test_a_cascade_tells_its_threshold_as_people_read_it(threshold, said) -> None:
    tried = {"threshold": threshold, "answered_cheaply": 0.916667, "validation_score": 0.96}
    one = strategy("cascade", 0.9, 0.05)
    one = one.model_copy(update={"training": {"search": (tried | {"rows": 60.0, "chosen": 1.0},)}})
    [sentence] = searched.fixed_choices(reported(summary_of(one)))
    assert sentence.startswith(f"cascade chose {said}")


def test_a_cascade_names_its_parts() -> None:
    tried = {"threshold": 0.84, "validation_score": 0.96, "rows": 60.0, "chosen": 1.0}
    between = {"cheap": "baseline.linear", "dear": "prompt.nearest"}
    one = strategy("cascade", 0.9, 0.05)
    one = one.model_copy(update={"training": {"search": (tried | between,)}})
    [sentence] = searched.fixed_choices(reported(summary_of(one)))
    assert sentence.startswith(
        "cascade asks baseline.linear first, and prompt.nearest where that is not sure. It chose"
        " threshold 0.84 from 1 settings"
    )


@pytest.mark.parametrize(
    ("hoped", "rows", "told"),
    [(0.80, 60, True), (0.80, 19, False), (0.64, 60, False), (0.73, 60, False)],
)
def test_validation_rows_that_were_easier_than_the_test_are_told(hoped, rows, told) -> None:
    """The test's standard error is 0.025 with 150 rows, so that of 60 is about 0.04: three of the
    difference are 0.14."""
    tried = {"shots": 8.0, "validation_score": hoped, "rows": float(rows), "chosen": 1.0}
    one = strategy("prompt.optimized", 0.6, 0.025 * 1.96)
    one = one.model_copy(update={"search_budget": Search(), "training": {"search": (tried,)}})
    assert one.quality is not None
    assert one.quality.n == 150
    said = searched.misjudged(reported(summary_of(one)))
    assert len(said) == told
    if told:
        assert "scored 0.80 on 60 validation examples and 0.60 on the test" in said[0]
        assert said[0] in searched.search_notes(reported(summary_of(one)))


@pytest.mark.parametrize(("rows", "told"), [(10.0, True), (60.0, False)])
def test_choices_on_few_validation_rows_are_told(rows: float, told: bool) -> None:
    tried = {"shots": 8.0, "validation_score": 0.6, "rows": rows, "chosen": 1.0}
    one = strategy("prompt.optimized", 0.6, 0.05).model_copy(
        update={"search_budget": Search(), "training": {"search": (tried,)}}
    )
    said = " ".join(searched.search_notes(reported(summary_of(one))))
    assert ("as few as 10 validation examples, where one is 10 points" in said) is told


def test_before_and_after_pairs_the_best_default_of_each_family(report: Report) -> None:
    pairs = before_after(report)
    assert [(p.default.id, p.searched.id) for p in pairs] == [
        ("prompt.nearest", "prompt.optimized"),
        ("lora", "lora.optimized"),
    ]
    values = {row.id: row.quality.value for row in report.strategies if row.quality}
    for pair in pairs:
        gain = values[pair.searched.id] - values[pair.default.id]
        assert pair.gap.difference == pytest.approx(gain)
    assert LEANS in pair_notes(report)


@pytest.mark.parametrize(
    ("difference", "low", "high", "said"),
    [
        (0.06, 0.02, 0.10, "The search paid: prompt.optimized measures +6.0 points"),
        (0.01, 0.005, 0.015, "The search gained, but not the 2 points that would matter to you"),
        (-0.05, -0.08, -0.02, "The search did harm: prompt.optimized measures −5.0 points"),
        (0.0, -0.015, 0.015, "The search did not pay: prompt.optimized measures 0.0 points"),
        (0.03, -0.01, 0.07, "Whether the search paid is open: prompt.optimized measures +3.0"),
    ],
)
def test_whether_it_paid_is_what_the_interval_shows(
    difference: float, low: float, high: float, said: str
) -> None:
    report = pair_report(difference, low, high)
    (pair,) = before_after(report)
    assert (pair.gap.low, pair.gap.high) == (low, high)
    assert paid(pair, report.needs.practical_margin).startswith(said)
    assert LEANS not in pair_notes(report)  # there was one default only


def test_the_default_settings_on_every_layer_are_no_change() -> None:
    trial = {"rank": 16, "depth": "upper third", "validation_score": 0.5, "rows": 8.0}
    last = {**trial, "depth": "full", "stage": "final", "chosen": 1.0}
    for rank, changed in ((16, ""), (32, "rank 16 → 32")):
        training = {"search": (trial, {**last, "rank": rank}), "epochs": 1, "seeds": (0,)}
        rows = [
            strategy("lora", 0.6, 0.05),
            strategy("lora.optimized", 0.6, 0.05, training=training).model_copy(
                update={"search_budget": Search()}
            ),
        ]
        report = reported(summary_of(*rows))
        (each,) = searched.searches_of(report)
        assert each.changes == changed
        (pair,) = before_after(report)
        same = "The search kept the default: lora.optimized scores as lora does."
        assert (paid(pair, 0.02) == same) is (not changed)
        assert ("trained on every layer" in searched.change(each)) is (not changed)


def test_a_search_without_a_default_of_its_family_or_model_has_no_pair() -> None:
    assert before_after(pair_report(0.1, 0.0, 0.2, model="other")) == []
    assert before_after(pair_report(0.1, 0.0, 0.2, family="rag")) == []


def test_all_views_show_it_and_no_view_invents_it(report: Report, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=250)
    show_report(report, tmp_path, console)
    for text in (as_html(report), as_markdown(report), console.file.getvalue()):
        assert "6 of 8 settings" in text
        assert "shots 8 → 16, choice balanced → nearest" in text
        assert "Whether the search paid is open: lora.optimized measures" in text
    page = as_html(report)
    assert page.count("<details>") == 2
    assert "<script" not in page
    plain = build_report(example_records())
    console = Console(file=io.StringIO(), width=250)
    show_report(plain, tmp_path, console)
    for text in (as_html(plain), as_markdown(plain), console.file.getvalue()):
        assert "What each family tried" not in text
        assert "search paid" not in text


def test_a_search_that_its_time_ended_may_have_left_a_better_setting(report: Report) -> None:
    said = [text for text in report.recommendation.would_change_if if "search:" in text]
    assert said == [
        "More time to search: the 3 min of lora.optimized ended at 3 of 8 settings, so a better"
        " one may be left."
    ]


@pytest.mark.parametrize(
    ("trials", "told"),
    [
        (1, "More time to search: the 3 min of prompt.optimized ended at 1 of 8 settings, so"),
        (8, "More settings to try: prompt.optimized tried all 8 that its budget allows, so"),
    ],
)
def test_looks_and_last_trainings_are_no_settings_tried(trials: int, told: str) -> None:
    """Only settings count: the seconds ended one search, the number of trials the other."""
    row = {"validation_score": 0.5, "rows": 40.0, "seconds": 10.0}
    looks = [{"stage": "retrieval", "retrieval_score": 0.5, "seconds": 25.0} for _ in range(8)]
    tries = [*looks, *[row] * trials, {**row, "stage": "final"}]
    report = pair_report(0.1, 0.05, 0.15, training={"search": tries})
    assert searched.tried(*searched.searches_of(report)) == f"{trials} of 8 settings"
    said = [text for text in report.recommendation.would_change_if if text.startswith("More ")]
    assert said == [f"{told} a better one may be left."]


def test_what_a_training_learned_from_is_no_setting() -> None:
    assert searched.settings_in([{"rank": 16.0, "tokens": 900.0, "seed": 1.0}]) == ["rank"]


def test_tokens_asked_of_the_model_are_told() -> None:
    usage = {"prompt": 300_000, "cached": 100_000, "completion": 5_000}
    records = [
        record.model_copy(update={"training": {**record.training, "usage": usage}})
        if isinstance(record, SetupRecord) and record.strategy == "prompt.optimized"
        else record
        for record in searched_records()
    ]
    told = build_report(records)
    assert "305,000 tokens of smollm2-135m-q4" in as_html(told)
    assert "305,000 tokens asked for it" in as_markdown(told)


def test_settings_of_plug_ins_are_escaped() -> None:
    evil = "<script>|x"
    tries = [
        {"wording": "plain", "validation_score": 0.5, "rows": 8.0},
        {"wording": evil, "validation_score": 0.6, "rows": 8.0, "chosen": 1.0},
    ]
    report = pair_report(0.1, 0.05, 0.15, training={"search": tries})
    assert "wording plain → &lt;script&gt;|x" in as_html(report)
    assert "<script" not in as_html(report)
    assert "wording plain → &lt;script>\\|x" in as_markdown(report)


def test_of_what_runs_today_no_settings_are_known() -> None:
    today = strategy("prompt.x", 0.6, 0.05).model_copy(
        update={"id": "incumbent", "name": "incumbent", "family": "incumbent"}
    )
    tries = [{"c": 1.0, "validation_score": 0.5}]
    rows = (today, strategy("baseline.linear", 0.5, 0.05, training={"search": tries}))
    assert searched.unsearched(reported(summary_of(*rows))) == []


def test_older_records_name_the_epochs_they_kept() -> None:
    """A tie in score went to the lower loss, which only the epochs kept can tell."""
    tries = [{"epochs": epoch, "validation_score": 0.5} for epoch in (1.0, 2.0, 3.0)]
    training = {"search": tries, "epochs": 2, "seeds": [0]}
    report = reported(summary_of(strategy("lora", 0.6, 0.05, training=training)))
    (sentence,) = searched.fixed_choices(report)
    assert sentence.startswith("lora chose epochs 2 from 3 settings")


def test_a_search_is_no_training() -> None:
    """What searches without learning is not tuned, has no epochs and no seed that matters."""
    tries = [{"depth": 2, "validation_score": 0.5, "rows": 8.0, "chosen": 1.0}]
    training = {"search": tries, "epochs": 0, "seeds": ()}
    row = strategy("rag.hybrid", 0.6, 0.05, training=training)
    assert not is_tuned(row.model_copy(update={"family": "combined", "name": "cascade"}))
    report = reported(summary_of(row))
    assert not trained_once(report)
    assert "epochs" not in as_markdown(report)


def test_the_report_tells_the_budget_and_verifies(report: Report, tmp_path: Path) -> None:
    Journal(tmp_path / JOURNAL).append(searched_records())
    write_reports(build_report(Journal(tmp_path / JOURNAL).read()), tmp_path)
    assert verify(tmp_path) == []
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored["task"]["search"] == {"trials": 8, "seconds": 180}
    rows = {row["id"]: row for row in stored["strategies"]}
    assert rows["prompt.optimized"]["search_budget"] == {"trials": 8, "seconds": 180}
    assert rows["prompt.nearest"]["search_budget"] is None
    assert len(rows["prompt.optimized"]["training"]["search"]) == 6
    rows["prompt.optimized"]["training"]["search"][3]["validation_score"] = 0.99
    (tmp_path / "report.json").write_text(json.dumps(stored))
    assert [str(found.path) for found in verify(tmp_path)] == [
        "strategies[prompt.optimized].training.search[3].validation_score"
    ]


def test_a_report_from_before_there_was_a_search_still_verifies(tmp_path: Path) -> None:
    records = example_records()
    run = records[0]
    assert isinstance(run, RunRecord)
    Journal(tmp_path / JOURNAL).append(records)
    stored = json.loads(build_report(records).as_json())
    del stored["task"]["search"]
    for row in stored["strategies"]:
        del row["search_budget"]
    (tmp_path / "report.json").write_text(json.dumps(stored))
    assert verify(tmp_path) == []


def test_the_quote_says_what_a_search_may_take() -> None:
    plain = QuoteRow(id="prompt.nearest", setup_seconds=5, seconds=65, usd=0.01)
    row = QuoteRow(
        id="prompt.optimized", setup_seconds=185, search_seconds=180, seconds=245, usd=0.02
    )
    quote = Quote(
        rows=(plain, row),
        seconds=310,
        usd=0.03,
        machine="cpu-2-core",
        paid=False,
        n_test=150,
        detectable_difference=0.1,
    )
    console = Console(file=io.StringIO(), width=200)
    console.print(quote_table(quote), quote_text(quote))
    text = console.file.getvalue()
    assert "up to 3 min 5 s" in text
    assert "up to 4 min 5 s" in text
    assert "up to 5" not in text
    said = "prompt.optimized chooses its settings on validation rows: at most 8 tries and 3 min, in"
    assert said in text
    assert text.count("3 min,") == 1, "the bound is told once"
