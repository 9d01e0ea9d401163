"""`tuneworth init`: from a file that exists to a task folder, saying what was understood."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from service.cli_compare import folder_name
from service.cli_options import comma_separated, common
from service.cli_show import dataset_facts
from service.exits import BAD_INPUT, DONE, Refused
from service.terminal import console, is_interactive, print_json

KINDS = ("classification", "extraction", "question-answering", "generation")
"""As in corpora.task, which loads more than `--help` may."""

if TYPE_CHECKING:
    from rich.console import Console

    from corpora.incoming.columns import Wishes
    from corpora.incoming.table import Table
    from corpora.incoming.understanding import Questions, Unclear, Understanding
    from corpora.task import Check, Dataset


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to write. [default: the task's name, here]",
)
@click.option(
    "--input",
    "inputs",
    callback=comma_separated,
    metavar="A,B",
    help="The column that comes in; several make one input of labelled lines.",
)
@click.option("--output", metavar="COLUMN", help="The column of the right answers.")
@click.option("--id", "id_", metavar="COLUMN", help="The column that names each row.")
@click.option("--group", metavar="COLUMN", help="Rows that share its value stay in one split.")
@click.option("--kind", type=click.Choice(KINDS), help="The kind of task.")
@click.option("--instruction", metavar="TEXT", help="What is to be done with the input.")
@click.option("--name", help="The task's name. [default: from the file's]")
@click.option("--force", is_flag=True, help="Replace the task in a folder that is not empty.")
@common
def init(
    file: Path,
    out: Path | None,
    inputs: tuple[str, ...] | None,
    output: str | None,
    id_: str | None,
    group: str | None,
    kind: Any,
    instruction: str | None,
    name: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Make a task folder from what you have, and say what was understood.

    FILE is a CSV, a JSONL of chat messages, a JSONL or JSON list of prompts and answers, or a
    promptfoo configuration. What cannot be told is asked on a terminal; elsewhere an option must
    say it.
    """
    from corpora.incoming.columns import Wishes
    from corpora.incoming.formats import read_incoming
    from corpora.incoming.telling import sentences
    from corpora.incoming.writing import check_place, write_task

    title = name or task_name(file)
    folder = out or default_folder(title, file)
    check_place(folder, file, force=force)
    wishes = Wishes(inputs or (), output, id_, group, kind, instruction, title)
    to = console(stderr=as_json)
    found = understood(read_incoming(file), wishes, console(stderr=True))
    for sentence in sentences(found):
        to.print(sentence, soft_wrap=True)
    dataset = write_task(folder, file, found.spec(), found.rows, force=force)
    return show(found, dataset, folder, as_json=as_json)


def default_folder(title: str, file: Path) -> Path:
    """A folder here with the task's name, but never the one that holds the file."""
    folder = Path(folder_name(title))
    holds_it = folder.resolve() == file.resolve().parent
    return folder.with_name(f"{folder.name}-task") if holds_it else folder


def task_name(file: Path) -> str:
    """The file's name without its ending; of a promptfoo configuration, the folder's."""
    stem = file.stem
    if stem.startswith("promptfoo"):
        stem = file.resolve().parent.name or stem
    return folder_name(stem)


def understood(table: "Table", wishes: "Wishes", to: "Console") -> "Understanding":
    """The task; asks for what cannot be told, or refuses with the options that would say it."""
    from corpora.incoming.understanding import Questions, understand

    found = understand(table, wishes)
    while isinstance(found, Questions):
        if not is_interactive():
            raise Refused(*unanswered(table.file, found))
        if found.known:
            to.print(f"{table.file}: {found.known}", soft_wrap=True)
        wishes = asked(found.unclear[0], wishes)
        found = understand(table, wishes)
    return found


def unanswered(file: str, asked: "Questions") -> tuple[str, str]:
    """What to say where nobody can be asked: what is unknown, and the flags that say it."""
    *most, last = (question.unknown for question in asked.unclear)
    unknown = f"{', '.join(most)} and {last}" if most else last
    known = f" (It tells: {asked.known}.)" if asked.known else ""
    flags = [
        f"{question.flag} ({' | '.join(question.choices)})"
        if question.choices
        else f"{question.flag} TEXT"
        for question in asked.unclear
    ]
    return f"{file} does not tell {unknown}.{known}", f"Say it with {' and '.join(flags)}."


def asked(question: "Unclear", wishes: "Wishes") -> "Wishes":
    """The wishes with the answer to one question."""
    for hint in question.hints:
        console(stderr=True).print(f"  {hint}", style="dim")
    kind = click.Choice(question.choices) if question.choices else None
    answer = click.prompt(question.question, type=kind, err=True).strip()
    changed: dict[str, Any] = {question.flag.removeprefix("--"): answer}
    if "input" in changed:
        changed["input"] = (answer,)
    return replace(wishes, **changed)


def show(found: "Understanding", dataset: "Dataset", folder: Path, *, as_json: bool) -> int:
    """The data checks as `tuneworth check` makes them, and what to do next."""
    from corpora.checks import check_dataset
    from service.cli_tables import checks_text, facts_text

    checks = check_dataset(dataset)
    bad = any(check.severity == "error" for check in checks)
    following = f"tuneworth {'check' if bad else 'compare'} {quoted(folder)}"
    following += "" if bad else " --dry-run"
    if as_json:
        print_json(document(found, dataset, checks, folder, following))
        return BAD_INPUT if bad else DONE
    to = console()
    to.print()
    to.print(facts_text(dataset))
    to.print(checks_text(checks))
    mend = f"Mend the error in {folder / 'task.yaml'} or the rows, then: " if bad else "Next: "
    to.print(f"\n{folder} is written. {mend}{following}", soft_wrap=True)
    return BAD_INPUT if bad else DONE


def quoted(folder: Path) -> str:
    """The folder as a shell takes it."""
    import shlex

    return shlex.quote(str(folder))


def document(
    found: "Understanding",
    dataset: "Dataset",
    checks: "tuple[Check, ...]",
    folder: Path,
    following: str,
) -> dict[str, Any]:
    """All of it for machines."""
    from corpora.incoming.telling import sentences

    columns = found.columns
    roles = {name: getattr(columns, name) for name in ("output", "id", "split", "group")}
    return {
        "file": found.table.file,
        "format": found.table.format,
        "folder": str(folder),
        "rows": len(found.rows),
        "kind": found.kind,
        "columns": {"input": list(columns.input), **roles},
        "unused": [*columns.constant, *columns.unused],
        "left_out": {what: list(map(bare, places)) for what, places in found.left_out.items()},
        "conflicts": list(map(bare, found.conflicts)),
        "understood": sentences(found),
        "task": dataset_facts(dataset),
        "checks": [check.model_dump() for check in checks],
        "ok": not any(check.severity == "error" for check in checks),
        "next": following,
    }


def bare(place: str) -> str:
    """A row's place without the sign that a field's name follows."""
    return place.rstrip(" :.")
