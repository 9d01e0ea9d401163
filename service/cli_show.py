"""Commands that show something and change nothing, except `models pull`."""

import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from service.cli_options import common
from service.exits import BAD_INPUT, DONE, FAILED, Refused
from service.terminal import console, one_bar, print_json

if TYPE_CHECKING:
    from corpora.task import Dataset


@click.command()
@common
def strategies(as_json: bool) -> None:
    """List the strategies, what each does and the task kinds it serves."""
    from corpora.task import KINDS
    from strategies.registry import describe_strategies

    rows = describe_strategies()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "family", "task kinds", "what it does", box=None, pad_edge=False)
    for row in rows:
        kinds = ", ".join(row.kinds) if len(row.kinds) < len(KINDS) else "all"
        style = None if row.error is None else "red"
        table.add_row(row.name, row.family, kinds, escape(row.error or row.summary), style=style)
    console().print(table)


@click.command()
@common
def tasks(as_json: bool) -> None:
    """List the built-in tasks; each name can stand in place of SPEC."""
    from corpora.reading import read_dataset
    from corpora.shelf import builtin_tasks

    rows = [dataset_facts(read_dataset(name)) for name in builtin_tasks()]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table("name", "kind", "rows", "documents", "instruction", box=None, pad_edge=False)
    for row in rows:
        n = row["n_train"] + row["n_validation"] + row["n_test"]
        beginning = textwrap.shorten(row["instruction"], 70, placeholder=" …")
        table.add_row(row["name"], row["kind"], str(n), str(row["n_documents"]), beginning)
    console().print(table)


@click.command()
@click.argument("spec")
@click.option("--seed", default=0, show_default=True, help="Seed of the split.")
@click.option(
    "--deep",
    is_flag=True,
    help="Embed every input too: paraphrases of test rows, and labels that may be wrong.",
)
@common
def check(spec: str, seed: int, deep: bool, as_json: bool) -> int:
    """Check a task's data without running any language model.

    SPEC is a task folder, a .yaml or .json file, or the name of a built-in task. Exit code 2
    where an error must be mended before a comparison can be believed. Nothing is changed.
    """
    from corpora.checks import check_dataset
    from corpora.reading import read_dataset
    from service.cli_tables import checks_text, facts_text

    dataset = read_dataset(spec, seed=seed, lenient=True)
    if deep:
        from strategies.embedding import default_embedder

        checks = check_dataset(dataset, embed=default_embedder().embed)
    else:
        checks = check_dataset(dataset)
    bad = any(found.severity == "error" for found in checks)
    if as_json:
        rows = [found.model_dump() for found in checks]
        print_json({"task": dataset_facts(dataset), "checks": rows, "ok": not bad})
    else:
        console().print(facts_text(dataset))
        console().print(checks_text(checks))
    return BAD_INPUT if bad else DONE


@click.group(invoke_without_command=True)
@common
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> None:
    """List the models that have a name here, or bring one."""
    if ctx.invoked_subcommand is not None:
        return
    from strategies.models.catalogue import catalogue
    from strategies.models.hosted import hosted_models, models_file

    rows, hosted = catalogue(), hosted_models()
    if as_json:
        print_json({"catalogue": [asdict(row) for row in rows], "hosted": hosted})
        return
    from rich.table import Table

    table = Table("name", "here", "download", "licence", "what it is", box=None, pad_edge=False)
    for row in rows:
        here = "yes" if row.fetched else "no"
        table.add_row(row.name, here, f"{row.megabytes} MB", row.licence, row.summary)
    console().print(table)
    if hosted:
        console().print(f"\nHosted, from {models_file()}: {', '.join(hosted)}", soft_wrap=True)
    if missing := [row.name for row in rows if not row.fetched]:
        console().print(f"\nBring one with: tuneworth models pull {missing[0]}")


@models.command()
@click.argument("name")
@common
def pull(name: str, as_json: bool) -> None:
    """Bring a model onto this machine; does nothing where it is already there."""
    from strategies.models import catalogue

    with one_bar(name) as progress:
        folder = catalogue.pull(name, progress=progress)
    if as_json:
        print_json({"name": name, "folder": str(folder)})
        return
    console().print(f"{name} is ready in {folder}", soft_wrap=True)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@common
def verify(folder: str, as_json: bool) -> int:
    """Recompute every figure and the verdict of the report in DIR from its outcomes.jsonl."""
    from service.verify import verify as recompute

    if not (Path(folder) / "report.json").is_file():
        raise Refused(f"{folder} holds no report.json.", "Give the --out folder of a comparison.")
    differences = recompute(Path(folder))
    if as_json:
        rows = [asdict(difference) for difference in differences]
        print_json({"folder": folder, "agrees": not rows, "differences": rows})
    elif differences:
        console().print(f"The report in {folder} differs from its records:", style="red")
        for difference in differences:
            console().print(f"  {difference}", markup=False)
    else:
        console().print(f"Every figure and the verdict in {folder} follow from its records.")
    return FAILED if differences else DONE


def dataset_facts(dataset: "Dataset") -> dict[str, Any]:
    """What is known of a task before anything runs."""
    task = dataset.task
    return {
        "name": task.name,
        "kind": task.kind,
        "metric": task.metric,
        "instruction": task.instruction,
        "labels": list(task.labels),
        "models": list(task.models),
        "n_train": len(dataset.train),
        "n_validation": len(dataset.validation),
        "n_test": len(dataset.test),
        "n_documents": len(dataset.documents),
        "n_incumbent": len(dataset.incumbent.answers) if dataset.incumbent else 0,
        "needs": task.needs.model_dump(exclude_none=True),
    }
