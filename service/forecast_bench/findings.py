"""What cheap evidence found of a task, kept beside its record: `TASK.findings.jsonl`.

A line that says what it was found on and by which state of the code, then one for each finding.
Labels are told by number, as in the record.
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


class FindingLine(Frozen):
    """One finding, in the order found. `adds`: its scores and labels are beside those of the
    earlier one of the same deed and strategy, which it holds, too."""

    record: Literal["finding"] = "finding"
    adds: bool
    finding: Finding


class Evidence(Frozen):
    """All of one task."""

    head: EvidenceLine
    findings: tuple[Finding, ...]

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.findings)


Line = Annotated[EvidenceLine | FindingLine, Field(discriminator="record")]
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
    except (ValidationError, ValueError) as error:
        raise BenchmarkError(f"{path}: no evidence of this benchmark.") from error
    if not isinstance(head, EvidenceLine):
        raise BenchmarkError(f"{path}: no evidence of this benchmark (its first line is missing).")
    return Evidence(
        head=head,
        findings=lengthened([line for line in lines if isinstance(line, FindingLine)]),
    )


def anonymous(finding: Finding, labels: Sequence[str]) -> Finding:
    """With labels by number, one that the task does not have as -1, and short scores."""
    places = {label: str(number) for number, label in enumerate(labels)}
    return finding.model_copy(
        update={
            "scores": {row: round(score, DIGITS) for row, score in finding.scores.items()},
            "labels": {row: places.get(label, "-1") for row, label in finding.labels.items()},
        }
    )


def shortened(findings: Sequence[Finding]) -> list[FindingLine]:
    """Each row once, where a finding only adds to what an earlier one of its kind scored."""
    known: dict[tuple[str, str | None], Finding] = {}
    lines = []
    for each in findings:
        kind = (each.action.deed, each.action.strategy)
        before = known.get(kind)
        adds = before is not None and is_within(before, each)
        short = each
        if before is not None and adds:
            scores, labels = fresh(each.scores, before.scores), fresh(each.labels, before.labels)
            short = each.model_copy(update={"scores": scores, "labels": labels})
        lines.append(FindingLine(adds=adds, finding=short))
        known[kind] = each
    return lines


def is_within(before: Finding, after: Finding) -> bool:
    """Whether the later one holds all rows of the earlier one as they were."""
    scores = before.scores.items() <= after.scores.items()
    return scores and before.labels.items() <= after.labels.items()


def fresh(after: Mapping[str, Value], before: Mapping[str, Value]) -> dict[str, Value]:
    return {row: value for row, value in after.items() if row not in before}


def lengthened(lines: Sequence[FindingLine]) -> tuple[Finding, ...]:
    """The inverse of `shortened`."""
    known: dict[tuple[str, str | None], Finding] = {}
    findings = []
    for line in lines:
        whole = line.finding
        kind = (whole.action.deed, whole.action.strategy)
        if line.adds:
            before = known[kind]
            scores = {**before.scores, **whole.scores}
            labels = {**before.labels, **whole.labels}
            whole = whole.model_copy(update={"scores": scores, "labels": labels})
        findings.append(whole)
        known[kind] = whole
    return tuple(findings)
