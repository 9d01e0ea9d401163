"""What a reader must know of the tuned strategies: one seed, and examples that were too long."""

from __future__ import annotations

from service.report import Report


def training_guide(report: Report) -> list[str]:
    """Sentences for how to read the report; none where all is well."""
    found = []
    if trained_once(report):
        found.append(
            "A tuned strategy was trained with one seed. Another one would score somewhat"
            " differently, which no interval here covers."
        )
    return found + left_out(report)


def trained_once(report: Report) -> bool:
    """Whether some strategy's score hangs on a single training run."""
    trained = [row.training for row in report.strategies if row.training]
    return any(len(row.get("seeds", ())) < 2 for row in trained if row.get("epochs"))


def left_out(report: Report) -> list[str]:
    """Which tuned strategies could not read some training examples, being too long."""
    found = [(row.id, (row.training or {}).get("left_out", 0)) for row in report.strategies]
    of = f"of {report.task.n_train} training examples, which are too long for the model"
    return [f"{strategy} was trained without {n} {of}." for strategy, n in found if n]
