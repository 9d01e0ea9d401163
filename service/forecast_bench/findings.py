"""What cheap evidence found of a task, kept beside its record: `TASK.findings.jsonl`.

A line that says what it was found on and by which state of the code, one of the rows' ids, then
one for each finding. Labels are told by number, as in the record, and rows by their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from benchmarks.errors import BenchmarkError
from benchmarks.evidence.expectation import Guess
from benchmarks.evidence.finding import Finding
from benchmarks.records import Environment
from corpora.task import Frozen
from service.forecast_bench.record import DIGITS
from service.published import write_atomically

Value = TypeVar("Value")
READING_DIGITS = 4
"""Significant ones of what was read of a row: fewer than its noise, with room to spare."""


class EvidenceLine(Frozen):
    """`data` is the digest of the rows; `code` those of the sources that found it, `environment`
    the machine (None in evidence from before it was told), and `guesses` what each chain of
    actions was thought to take before anything was known of it."""

    record: Literal["evidence"] = "evidence"
    evidence_schema: Literal["tuneworth.forecast-evidence/1"] = "tuneworth.forecast-evidence/1"
    name: str
    size: str
    data: str
    code: tuple[str, ...]
    environment: Environment | None = None
    guesses: tuple[Guess, ...] = ()


class RowsLine(Frozen):
    """The ids of all rows that findings hold something of, each once."""

    record: Literal["rows"] = "rows"
    rows: tuple[str, ...]


class Columns(Frozen):
    """What a finding holds of rows, by their places in the line of rows, from 0, and in their
    order: None where it holds nothing of one, and an empty column where of none."""

    rows: tuple[int, ...]
    scores: tuple[float | None, ...] = ()
    labels: tuple[str | None, ...] = ()
    readings: dict[str, tuple[float | None, ...]] = Field(default_factory=dict)


class FindingLine(Frozen):
    """One finding, in the order found. `adds`: its scores and labels are beside those of the
    earlier one of the same deed and strategy, which it holds, too. What it holds of rows is in
    `columns`; older files have it in the finding itself."""

    record: Literal["finding"] = "finding"
    adds: bool
    finding: Finding
    columns: Columns | None = None


class Evidence(Frozen):
    """All of one task."""

    head: EvidenceLine
    findings: tuple[Finding, ...]

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.findings)


Line = Annotated[EvidenceLine | RowsLine | FindingLine, Field(discriminator="record")]
LINE: TypeAdapter[Line] = TypeAdapter(Line)


def write_evidence(path: Path, evidence: Evidence) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines: list[Line] = [evidence.head, *shortened(evidence.findings)]
    write_atomically(path, "".join(LINE.dump_json(line).decode() + "\n" for line in lines))


def read_evidence(path: Path) -> Evidence:
    """Raises BenchmarkError for a file that holds something else."""
    try:
        head, *lines = [LINE.validate_json(text) for text in path.read_bytes().splitlines()]
        findings = lengthened(lines)
    except (ValidationError, ValueError, LookupError) as error:
        raise BenchmarkError(f"{path}: no evidence of this benchmark.") from error
    if not isinstance(head, EvidenceLine):
        raise BenchmarkError(f"{path}: no evidence of this benchmark (its first line is missing).")
    return Evidence(head=head, findings=findings)


def anonymous(finding: Finding, labels: Sequence[str]) -> Finding:
    """With labels by number, one that the task does not have as -1, and short numbers by row."""
    places = {label: str(number) for number, label in enumerate(labels)}
    return finding.model_copy(
        update={
            "scores": {row: round(score, DIGITS) for row, score in finding.scores.items()},
            "labels": {row: places.get(label, "-1") for row, label in finding.labels.items()},
            "readings": {
                name: {row: float(f"{value:.{READING_DIGITS}g}") for row, value in of.items()}
                for name, of in finding.readings.items()
            },
        }
    )


def shortened(findings: Sequence[Finding]) -> list[RowsLine | FindingLine]:
    """Each row once, where a finding only adds to what an earlier one of its kind scored."""
    known: dict[tuple[str, str | None], Finding] = {}
    places: dict[str, int] = {}
    lines = []
    for each in findings:
        kind = (each.action.deed, each.action.strategy)
        before = known.get(kind)
        adds = before is not None and is_within(before, each)
        short = each
        if before is not None and adds:
            scores, labels = fresh(each.scores, before.scores), fresh(each.labels, before.labels)
            short = each.model_copy(update={"scores": scores, "labels": labels})
        lines.append(in_columns(short, places, adds=adds))
        known[kind] = each
    return [RowsLine(rows=tuple(places)), *lines]


def in_columns(finding: Finding, places: dict[str, int], *, adds: bool) -> FindingLine:
    """`places` are those of rows by id; rows that are new get the next ones."""
    parts: list[Mapping[str, object]] = [finding.scores, finding.labels, *finding.readings.values()]
    rows = list(dict.fromkeys(row for part in parts for row in part))
    columns = Columns(
        rows=tuple(places.setdefault(row, len(places)) for row in rows),
        scores=column(finding.scores, rows),
        labels=column(finding.labels, rows),
        readings={name: column(of, rows) for name, of in finding.readings.items()},
    )
    bare = finding.model_copy(update={"scores": {}, "labels": {}, "readings": {}})
    return FindingLine(adds=adds, finding=bare, columns=columns if rows else None)


def column(of: Mapping[str, Value], rows: Sequence[str]) -> tuple[Value | None, ...]:
    return tuple(of.get(row) for row in rows) if of else ()


def by_row(values: Sequence[Value | None], rows: Sequence[str]) -> dict[str, Value]:
    """The inverse of `column`. Raises ValueError where one is longer than the other."""
    if not values:
        return {}
    return {row: value for row, value in zip(rows, values, strict=True) if value is not None}


def out_of_columns(line: FindingLine, ids: Sequence[str]) -> Finding:
    """The inverse of `in_columns`. Raises IndexError for a row that has no id."""
    held = line.columns
    if held is None:
        return line.finding
    rows = [ids[place] for place in held.rows]
    return line.finding.model_copy(
        update={
            "scores": by_row(held.scores, rows),
            "labels": by_row(held.labels, rows),
            "readings": {name: by_row(of, rows) for name, of in held.readings.items()},
        }
    )


def is_within(before: Finding, after: Finding) -> bool:
    """Whether the later one holds all rows of the earlier one as they were."""
    scores = before.scores.items() <= after.scores.items()
    return scores and before.labels.items() <= after.labels.items()


def fresh(after: Mapping[str, Value], before: Mapping[str, Value]) -> dict[str, Value]:
    return {row: value for row, value in after.items() if row not in before}


def lengthened(lines: Sequence[Line]) -> tuple[Finding, ...]:
    """The inverse of `shortened`; an older file has no line of rows."""
    known: dict[tuple[str, str | None], Finding] = {}
    ids = [row for line in lines if isinstance(line, RowsLine) for row in line.rows]
    findings = []
    for line in lines:
        if not isinstance(line, FindingLine):
            continue
        whole = out_of_columns(line, ids)
        kind = (whole.action.deed, whole.action.strategy)
        if line.adds:
            before = known[kind]
            scores = {**before.scores, **whole.scores}
            labels = {**before.labels, **whole.labels}
            whole = whole.model_copy(update={"scores": scores, "labels": labels})
        findings.append(whole)
        known[kind] = whole
    return tuple(findings)
