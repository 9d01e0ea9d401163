"""What if the volume, a price or a need were another one? Answered from what is stored. Pure.

Nothing is measured again and nothing is resampled: qualities and comparisons are taken as they
are, and what follows from needs, prices and the deployment is reckoned anew. That takes
milliseconds (`service.what_if_speed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field

from benchmarks.costs import PriceList
from benchmarks.draws import Draws
from benchmarks.journal import JOURNAL, Journal
from benchmarks.pricing import priced
from benchmarks.records import Record, RunRecord
from benchmarks.results import Cost, Load, Summary
from benchmarks.track import Track
from corpora.task import Deployment, Frozen, Needs
from service.altering import altered
from service.basis import Basis, basis_of, basis_with
from service.recommendation import Recommendation, recommend
from service.report import Report, ReportBreakEven
from service.stated import check_hours

WHAT_IF_SCHEMA: Literal["tuneworth.what-if/1"] = "tuneworth.what-if/1"


@dataclass(frozen=True)
class Stored:
    """A comparison that was made: its terms, what was measured, and the answer that was given."""

    run: RunRecord
    summary: Summary
    tracks: tuple[Track, ...]
    draws: Draws
    answer: Recommendation


class Changed(Frozen):
    """One field that is not as it was."""

    what: str
    before: Any
    after: Any


class CostChange(Frozen):
    """A strategy's bill as it was and as it would be; the loads are None without a deployment."""

    strategy: str
    before: Cost | None
    after: Cost | None
    load_before: Load | None = None
    load_after: Load | None = None


class WhatIf(Frozen):
    """The answer of a comparison beside the answer that it would have given.

    `changed` are the terms that differ, `same_answer` says whether strategy, verdict and
    commitment stay. `costs` are in the order of the comparison.
    """

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["tuneworth.what-if/1"] = Field(default=WHAT_IF_SCHEMA, alias="schema")
    task: str
    changed: tuple[Changed, ...]
    same_answer: bool
    before: Recommendation
    after: Recommendation
    needs: Needs
    deployment: Deployment | None
    costs: tuple[CostChange, ...]
    break_even: tuple[ReportBreakEven, ...]

    def as_json(self) -> str:
        """The public JSON, keys as documented, ending with a line break."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def what_if(
    stored: Stored, changes: Mapping[str, Any], price_list: PriceList | None = None
) -> WhatIf:
    """What the comparison would cost and say under other terms (`service.terms.Changes`).

    Raises InvalidInput for a change that is wrong. `stored` is left as it is.
    """
    run = altered(stored.run, changes, price_list)
    check_hours(run.needs, [row.id for row in stored.summary.strategies])
    summary = priced(stored.summary, stored.tracks, run, stored.draws)
    answer = recommend(summary, run.task, run.needs)
    told = [
        (one.strategy, one.verdict, one.commit_to_fine_tuning) for one in (stored.answer, answer)
    ]
    return WhatIf(
        task=run.task.name,
        changed=tuple(differing(stored.run, run)),
        same_answer=told[0] == told[1],
        before=stored.answer,
        after=answer,
        needs=run.needs,
        deployment=run.deployment,
        costs=tuple(
            CostChange(
                strategy=old.id,
                before=old.cost,
                after=new.cost,
                load_before=old.under_load,
                load_after=new.under_load,
            )
            for old, new in zip(stored.summary.strategies, summary.strategies, strict=True)
            if old.cost is not None or new.cost is not None
        ),
        break_even=tuple(
            ReportBreakEven(**{**row.model_dump(exclude={"from_"}), "from": row.from_})
            for row in summary.break_even
        ),
    )


def differing(old: RunRecord, new: RunRecord) -> list[Changed]:
    """Fields of the terms with other values, by their place in a task or in the prices; where a
    price comes from is left out."""
    before, after = flat(terms_of(old)), flat(terms_of(new))
    return [
        Changed(what=key, before=before.get(key), after=after.get(key))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key) and not key.endswith((".source", ".as_of"))
    ]


def terms_of(run: RunRecord) -> dict[str, Any]:
    placed = run.deployment.model_dump(mode="json") if run.deployment else None
    needs = {name: getattr(run.needs, name) for name in Needs.model_fields}
    return {**needs, "deployment": placed, "prices": run.prices}


def flat(values: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{place}{key}.")
        else:
            found[f"{place}{key}"] = value
    return found


def stored_of(records: Sequence[Record], report: Report | None = None) -> Stored:
    """A comparison from its records, as `service.basis` reads them."""
    return stored(basis_of(records, report))


def stored(basis: Basis) -> Stored:
    """A comparison as it was priced for its report."""
    run, draws = basis.run, Draws(basis.run.seed)
    summary = priced(basis.measured, basis.tracks, run, draws)  # the report's draws, to be kept
    draws.settled = True
    return Stored(run, summary, basis.tracks, draws, recommend(summary, run.task, run.needs))


def stored_in(folder: Path) -> Stored:
    """The finished comparison in a folder (`report.json` and `outcomes.jsonl`).

    A report that this version cannot read is made anew from the records. Raises OSError where
    there is none, and BenchmarkError for records that are damaged or hold no run.
    """
    text = (folder / "report.json").read_bytes()
    return stored(basis_with(text, Journal(folder / JOURNAL).read()))
