"""Each finding about the data, on data made to have it."""

from typing import Any

from corpora.checks import check_dataset
from corpora.task import Check, Dataset, Example, Task

TASK = Task(
    name="letters",
    kind="classification",
    instruction="Say which letter the text is about.",
    labels=("a", "b"),
    metric="accuracy",
)


def rows(name: str, n: int) -> list[Example]:
    return [
        Example(id=f"{name}{k}", input=f"{name} {k} x{k} y{k} z{k}", output="ab"[k % 2])
        for k in range(n)
    ]


def dataset(**changes: Any) -> Dataset:
    whole: dict[str, Any] = {
        "task": TASK,
        "train": rows("train", 20),
        "validation": rows("validation", 4),
        "test": rows("test", 160),
    }
    whole.update(changes)
    return Dataset(**whole)


def task(**changes: Any) -> Task:
    return TASK.model_copy(update=changes)


def named(found: tuple[Check, ...]) -> list[tuple[str, str]]:
    return [(one.severity, one.check) for one in found]


def test_good_data_has_no_finding() -> None:
    assert check_dataset(dataset()) == ()


def test_errors_come_first() -> None:
    found = check_dataset(dataset(task=task(instruction="make it better"), test=rows("test", 60)))
    assert named(found) == [("error", "vague-instruction"), ("warning", "small-test")]
    assert "'make it better'" in found[0].message
    assert "155 test rows are needed, 95 more" in found[1].message
    assert "15.9 points" in found[1].message
    assert named(check_dataset(dataset(task=task(instruction="Do it as I say")))) == [
        ("error", "vague-instruction")
    ]


def test_an_instruction_without_spaces_between_its_words_is_not_vague() -> None:
    for text in (
        "把客户的邮件分到下列类别中的一类",
        "請把郵件分到一個類別",
        "顧客のメールを一つに分類する",
    ):
        assert check_dataset(dataset(task=task(instruction=text))) == ()
    for text in ("让它变得更好", "もっと良く"):
        found = check_dataset(dataset(task=task(instruction=text)))
        assert named(found) == [("error", "vague-instruction")]


def test_missing_rows() -> None:
    assert named(check_dataset(dataset(train=[], validation=[], test=[]))) == [
        ("error", "no-examples")
    ]
    assert named(check_dataset(dataset(test=[]))) == [("error", "no-test-rows")]
    assert named(check_dataset(dataset(train=[]))) == [("warning", "no-training-rows")]


def test_one_label() -> None:
    one = [row.model_copy(update={"output": "a"}) for row in rows("one", 180)]
    changes = {"train": one[:20], "validation": [], "test": one[20:]}
    found = check_dataset(dataset(task=task(labels=("a",)), **changes))
    assert named(found) == [("error", "single-label")]


def test_near_duplicates_across_splits() -> None:
    train = [*rows("train", 20), Example(id="seen", input="Where is my parcel now?", output="a")]
    test = [*rows("test", 160), Example(id="leak", input="where is my parcel, now", output="a")]
    found = check_dataset(dataset(train=train, test=test))
    assert named(found) == [("warning", "near-duplicates")]
    assert found[0].examples == ("leak",)
    assert found[0].message.startswith("1 of 161 test rows")


def test_conflicting_labels() -> None:
    train = [
        *rows("train", 20),
        Example(id="yes", input="Same text!", output="a"),
        Example(id="no", input="same text", output="b"),
    ]
    found = check_dataset(dataset(train=train))
    assert named(found) == [("warning", "conflicting-labels")]
    assert found[0].examples == ("yes", "no")
    assert "same text" not in found[0].message.lower()


def test_rare_and_missing_labels() -> None:
    train = [*rows("train", 20), Example(id="c", input="a c", output="c")]
    found = check_dataset(dataset(task=task(labels=("a", "b", "c", "d")), train=train))
    assert named(found) == [
        ("warning", "empty-labels"),
        ("warning", "few-training-rows"),
        ("info", "label-not-in-test"),
    ]
    assert "'d'" in found[0].message
    assert "'c'" in found[1].message
    assert "'c'" in found[2].message


def test_personal_data() -> None:
    texts = {
        "mail": "write to jo.doe+x@mail.example.org",
        "phone": "call +45 86 12 34 56 today",
        "card": "my card 4111 1111 1111 1111",
        "account": "pay into DE89 3704 0044 0532 0130 00",
        "order": "order 4111 1111 1111 1112, part 12345678, 2024-01-15, 0.0833333",
        "code": "item DE88 3704 1144 0532 0130 00, model AB12CDEF34567890",
    }
    train = rows("train", 20)
    train += [Example(id=name, input=text, output="a") for name, text in texts.items()]
    found = check_dataset(dataset(train=train))
    assert [(one.severity, one.examples) for one in found] == [
        ("info", ("mail",)),
        ("info", ("phone",)),
        ("info", ("card",)),
        ("info", ("account",)),
    ]
    assert found[0].message.startswith("1 text holds what looks like e-mail addresses")
