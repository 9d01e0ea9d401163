"""Metrics against values worked out by hand."""

import pytest

from benchmarks.errors import UnknownMetric
from benchmarks.json_metrics import field_f1, first_object, fits_schema
from benchmarks.metrics import aggregate, all_metrics, metric_for, score_row
from benchmarks.records import OutcomeRecord
from benchmarks.style_metrics import rules_kept
from benchmarks.text_metrics import chrf, containment, exact_match, normalised_tokens, token_f1
from corpora.spec import METRICS
from corpora.task import Example, Rule, Task


def task(kind, **fields):
    return Task(name="t", kind=kind, instruction="Do what is asked here.", metric="m", **fields)


def example(output, **fields):
    return Example(id="1", input="in", output=output, **fields)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("1,234", "1234", True),
        ("$34", "34", True),
        ("34.00", "34", True),
        ("34%", "34", True),
        ("34.", "34", True),
        ("3.14", "314", False),
        ("-5", "5", False),
        ("−5", "-5", True),
        ("The Eiffel Tower!", "eiffel tower", True),
        ("state-of-the-art", "stateoftheart", True),
        ("Ärger", "ärger", True),
        ("1000", "1e3", False),
    ],
)
def test_what_counts_as_the_same_answer(one, other, equal):
    assert exact_match(one, other) == float(equal)
    assert exact_match(other, one) == float(equal)


def test_odd_tokens_survive():
    assert normalised_tokens("- -- . -. 1,23 ½ ٣") == ["123", "1⁄2".replace("⁄", ""), "٣"]


def test_token_f1_by_hand():
    assert token_f1("the red fox jumps", "red fox") == pytest.approx(2 * 2 / (3 + 2))
    assert token_f1("", "") == 1.0
    assert token_f1("", "fox") == 0.0


def test_containment_needs_whole_tokens_side_by_side():
    assert containment("It opened in 1889, in Paris.", "1889") == 1.0
    assert containment("It opened in 18890.", "1889") == 0.0
    assert containment("red big fox", "red fox") == 0.0


def test_question_answering_takes_the_best_alternative():
    scores = score_row(
        task("question-answering"), example("New York City", alternatives=("NYC",)), "nyc"
    )
    assert scores == {"containment": 1.0, "exact_match": 1.0, "token_f1": 1.0}


def test_no_answer_counts_only_where_it_is_right():
    silent = task("question-answering", no_answer="Not in the documents.")
    refusal = example("Not in the documents.")
    answerable = example("in the documents folder")
    assert score_row(silent, refusal, "not in the documents")["token_f1"] == 1.0
    assert score_row(silent, refusal, "in the documents")["token_f1"] == 0.0
    assert score_row(silent, answerable, "Not in the documents.")["token_f1"] == 0.0
    assert score_row(silent, answerable, "the documents folder")["token_f1"] == 0.8


def test_labels_are_matched_apart_from_case_and_punctuation():
    labels = task("classification", labels=("card lost", "top up"))
    assert score_row(labels, example("card lost"), " Card  lost.") == {
        "accuracy": 1.0,
        "macro_f1": 1.0,
    }
    assert score_row(labels, example("card lost"), "card")["accuracy"] == 0.0


def outcome(expected, predicted):
    scores = {"accuracy": float(expected == predicted), "macro_f1": float(expected == predicted)}
    return OutcomeRecord(
        strategy="s",
        example="e",
        state="ok",
        scores=scores,
        expected=expected,
        predicted=predicted,
    )


def test_macro_f1_agrees_with_scikit_learn():
    from sklearn.metrics import f1_score

    expected = ["a", "a", "b", "c", "c", "c"]
    predicted = ["a", "b", "b", "c", "a", "c"]
    rows = [outcome(*pair) for pair in zip(expected, predicted, strict=True)]
    assert aggregate("macro_f1", rows, ["a", "b", "c"]) == pytest.approx(
        f1_score(expected, predicted, average="macro")
    )
    assert aggregate("accuracy", rows) == pytest.approx(4 / 6)
    junk = [outcome("a", "a"), outcome("b", None)]
    assert aggregate("macro_f1", junk, ["a", "b"]) == pytest.approx(0.5)


def test_first_object_is_found_in_fences_and_prose():
    assert first_object('Sure: {"a": {"b": 1}} and {"c": 2}') == {"a": {"b": 1}}
    assert first_object('```json\n{"a": 1}\n```') == {"a": 1}
    assert first_object("{a} {'b': 1} {") is None
    assert first_object('{"a": NaN}') is None
    assert first_object('{"a":' * 100_000) is None


def test_field_f1_by_hand():
    wanted = {"city": "Paris", "people": 2, "tags": ["x", "y"], "who": {"name": "Ann"}, "no": None}
    said = {"city": " paris", "people": 2.0, "tags": ["y", "z"], "who": {"name": "Ann"}}
    assert field_f1(said, wanted, None) == pytest.approx(2 * 4 / (5 + 5))
    assert field_f1({}, {"a": ""}, None) == 1.0
    assert field_f1(None, {}, None) == 0.0


def test_an_answer_that_breaks_the_schema_scores_zero_and_is_counted():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    extraction = task("extraction", output_schema=schema)
    row = example('{"n": 3}')
    assert score_row(extraction, row, 'Here: {"n": 3}') == {"field_f1": 1.0, "schema_valid": 1.0}
    assert score_row(extraction, row, '{"n": "3"}') == {"field_f1": 0.0, "schema_valid": 0.0}
    assert score_row(extraction, row, "n = 3") == {"field_f1": 0.0, "schema_valid": 0.0}
    price = {"type": "object", "properties": {"n": {"type": "number", "multipleOf": 0.01}}}
    endless = '{"n": ' + "1" * 400 + "}"  # what a small model that repeats itself writes
    priced = task("extraction", output_schema=price)
    assert score_row(priced, row, endless) == {"field_f1": 0.0, "schema_valid": 0.0}


@pytest.mark.parametrize("schema", [{"$ref": "https://example.com/x"}, {"type": "strnig"}])
def test_a_schema_that_cannot_be_followed_fits_nothing_and_fetches_nothing(schema):
    assert not fits_schema({"n": 3}, schema)


def test_generation_scores_run_from_zero_to_one_in_any_alphabet():
    generation = task("generation")
    row = example("добрый день", alternatives=("hello there",))
    assert score_row(generation, row, "Hello there") == pytest.approx(
        {"chrf": chrf("Hello there", ["hello there"]), "rouge_l": 1.0}
    )
    assert score_row(generation, row, "добрый день") == {"chrf": 1.0, "rouge_l": 1.0}
    assert score_row(generation, row, "") == {"chrf": 0.0, "rouge_l": 0.0}


def test_rules_kept_is_a_share_and_told_only_where_there_are_rules():
    rules = (
        Rule(name="calm", forbid="!"),
        Rule(name="next", require="^→ |\\n→ "),
        Rule(name="short", max_sentence_words=4),
    )
    styled, row = task("generation", rules=rules), example("It is done.\n→ Open the app.")
    assert score_row(styled, row, row.output) == {"chrf": 1.0, "rouge_l": 1.0, "rules_kept": 1.0}
    assert score_row(styled, row, "It is done!")["rules_kept"] == pytest.approx(1 / 3)
    assert score_row(styled, row, "It is all done now!")["rules_kept"] == 0.0
    assert score_row(styled, row, " \n")["rules_kept"] == 0.0
    assert rules_kept("It is done.", ()) == 0.0
    assert "rules_kept" not in score_row(task("generation"), row, row.output)
    assert metric_for("rules_kept", "generation").name == "rules_kept"
    with pytest.raises(UnknownMetric, match="token_f1"):
        metric_for("rules_kept", "question-answering")


def test_metrics_are_found_by_entry_point_and_fit_their_kind():
    assert {"accuracy", "macro_f1", "containment", "schema_valid"} <= set(all_metrics())
    assert metric_for("token_f1", "question-answering").name == "token_f1"
    with pytest.raises(UnknownMetric, match="rouge_l"):
        metric_for("accuracy", "generation")


@pytest.mark.parametrize("kind", METRICS)
def test_every_metric_that_a_spec_may_name_is_scored(kind):
    wanted = '{"a": 1, "b": 2}' if kind == "extraction" else "red"
    answer = '{"b": 2, "a": 1}' if kind == "extraction" else "red"
    labels = ("red", "blue") if kind == "classification" else ()
    for name in METRICS[kind]:
        assert metric_for(name, kind).name == name
        rules = (Rule(name="red", require="red"),) if name == "rules_kept" else ()
        judged = task(kind, labels=labels, rules=rules).model_copy(update={"metric": name})
        assert score_row(judged, example(wanted), answer)[name] == 1.0
        assert score_row(judged, example(wanted), "{}")[name] < 1.0


def test_whole_match_of_an_object_wants_every_field():
    judged = task("extraction").model_copy(update={"metric": "exact_match"})
    assert score_row(judged, example('{"a": 1, "b": 2}'), '{"a": 1}')["exact_match"] == 0.0


def test_not_known_is_right_or_wrong_under_any_metric():
    judged = task("question-answering", no_answer="Not known.").model_copy(
        update={"metric": "chrf"}
    )
    assert score_row(judged, example("Not known."), "Not known at all")["chrf"] == 0.0
    assert score_row(judged, example("Not far."), "Not known.")["chrf"] == 0.0
