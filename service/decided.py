"""What was decided on each measured task, and on what evidence, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from service import wording
from service.markdown import answer_part, beyond_part
from service.report import Report


def decided(reports: Sequence[Report]) -> str:
    """The first page of each report and how its strategies behave, one section a task."""
    return "\n\n".join(section(report) for report in reports)


def section(report: Report) -> str:
    task = report.task
    told = (
        f"{wording.capital(task.kind)}, {wording.metric_name(task.metric)}; {task.n_train:,}"
        f" training, {task.n_validation:,} validation and {task.n_test:,} test examples,"
        f" {task.n_documents:,} documents."
    )
    head, *rest = answer_part(report)
    lines = [head, "", told, *rest, *beyond_part(report)]
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in lines)
