"""Rows too long for a model: estimated without one, counted with one."""

from checked import clean, found, row

from corpora.checks import longer_than_context

LONG = "word " * 30


def words(text: str) -> int:
    return len(text.split())


def test_what_the_model_cannot_read_is_counted() -> None:
    dataset = clean(
        more_train=[row("u", LONG)], more_test=[row("t", LONG), row("s", "x" * 400, "b")]
    )
    [finding] = longer_than_context(dataset, "tiny", 36, words)
    assert (finding.severity, finding.check) == ("warning", "longer-than-context")
    assert finding.examples == ("t", "u")
    assert finding.message.startswith(
        "2 rows are longer, with the instruction, than the 36 tokens that tiny reads: "
        "1 answer of it is lost and 1 training row cannot be learned from."
    )
    # 7 words of instruction and 30 of the input; of a training row the output too
    assert [f.examples for f in longer_than_context(dataset, "tiny", 37, words)] == [("u",)]
    assert longer_than_context(dataset, "tiny", 38, words) == ()


def test_only_texts_that_could_be_too_long_are_counted() -> None:
    asked: list[str] = []

    def count(text: str) -> int:
        asked.append(text)
        return 0

    assert longer_than_context(clean(more_test=[row("t", LONG)]), "tiny", 150, count) == ()
    assert [text.split("\n")[1] for text in asked] == [LONG]


def test_what_was_counted_takes_the_place_of_the_estimate() -> None:
    dataset = clean(more_test=[row("t", "word " * 3400)])
    assert found(dataset) == [("warning", "long-inputs", ("t",))]
    assert found(dataset, lengths=()) == []
    counted = longer_than_context(dataset, "tiny", 3000, words)
    assert found(dataset, lengths=counted) == [("warning", "longer-than-context", ("t",))]


def test_scripts_without_spaces_have_a_token_a_character() -> None:
    assert found(clean(more_test=[row("t", "字" * 8200)])) == [("warning", "long-inputs", ("t",))]
    assert found(clean(more_test=[row("t", "letters " * 1500)])) == []
