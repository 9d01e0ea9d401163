"""Clean data sets of every kind, for tests that plant one defect into them."""

from typing import Any

from corpora.checks import check_dataset
from corpora.task import Check, Dataset, Document, Example, Task

TASK = Task(
    name="letters",
    kind="classification",
    instruction="Say which letter the text is about.",
    labels=("a", "b"),
    metric="accuracy",
)
QUESTIONS = TASK.model_copy(
    update={
        "kind": "question-answering",
        "labels": (),
        "metric": "token_f1",
        "no_answer": "The documents do not say.",
    }
)
WRITING = TASK.model_copy(update={"kind": "generation", "labels": (), "metric": "rouge_l"})
FIELDS = TASK.model_copy(
    update={
        "kind": "extraction",
        "labels": (),
        "metric": "field_f1",
        "output_schema": {
            "type": "object",
            "properties": {"total": {"type": "number"}},
            "required": ["total"],
        },
    }
)
OUTPUTS = {
    "classification": lambda name, k: "ab"[k % 2],
    "question-answering": lambda name, k: f"the {name} answer of number {k} is n{k}",
    "generation": lambda name, k: f"the {name} text of number {k} is t{k}",
    "extraction": lambda name, k: f'{{"total": {k}}}',
}


def rows(name: str, n: int, task: Task = TASK) -> list[Example]:
    return [
        Example(
            id=f"{name}{k}",
            input=f"{name} {k} x{k} y{k} z{k}",
            output=OUTPUTS[task.kind](name, k),
            sources=(f"doc{k % 4}",) if task.kind == "question-answering" else None,
        )
        for k in range(n)
    ]


def clean(task: Task = TASK, **more: Any) -> Dataset:
    """160 test rows, 20 for training and 4 for validation; `more_test` and so on add rows."""
    documents = [Document(id=f"doc{k}", text=f"Page {k} of d{k}, e{k} and f{k}.") for k in range(4)]
    added = {split: more.pop(f"more_{split}", []) for split in ("train", "validation", "test")}
    sizes = {"train": 20, "validation": 4, "test": 160}
    whole: dict[str, Any] = {
        "task": task,
        **{split: [*rows(split, n, task), *added[split]] for split, n in sizes.items()},
        "documents": documents if task.kind == "question-answering" else [],
    }
    return Dataset(**(whole | more))


def row(id: str, input: str, output: str = "a", **more: Any) -> Example:
    return Example(id=id, input=input, output=output, **more)


def found(dataset: Dataset, **options: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    """Severity, name and ids of every finding."""
    return [(f.severity, f.check, f.examples) for f in check_dataset(dataset, **options)]


def only(dataset: Dataset, **options: Any) -> Check:
    """The single finding."""
    [finding] = check_dataset(dataset, **options)
    return finding
