"""Under what a report holds: the data, the models, the machine, the prices and the stated needs."""

from __future__ import annotations

from typing import Protocol

from corpora.task import Deployment, Needs
from service import wording
from service.report import Report
from service.reused import reused_facts
from service.seated import seated_facts


class Stated(Protocol):
    """What holds the stated needs: a report or a forecast."""

    @property
    def needs(self) -> Needs: ...

    @property
    def deployment(self) -> Deployment | None: ...


def facts(report: Report) -> list[tuple[str, str]]:
    """What was measured, and on what machine."""
    task, machine = report.task, report.environment
    data = (
        f"{task.n_test} test, {task.n_train} training and {task.n_validation} validation examples"
    )
    if task.labels:
        data += f", {len(task.labels)} labels"
    if task.n_documents:
        data += f", {task.n_documents} documents"
    found = [("Task", f"{task.name}: {task.kind}, scored by {task.metric}"), ("Data", data)]
    found += [("Model", model_text(report, index)) for index in range(len(report.models))]
    found.append(("Machine", wording.hardware(machine)))
    versions = {"torch": machine.torch, **machine.versions}
    found.append(("Versions", ", ".join(f"{name} {text}" for name, text in versions.items())))
    spent = wording.dollars(machine.spent_usd)
    found.append(("Started", machine.started_at))
    found.append(("The comparison took", f"{wording.duration(machine.seconds)} and {spent}"))
    found += reused_facts(report)
    if "usd_per_hour" in report.prices:
        hour = wording.dollars(float(report.prices["usd_per_hour"]))
        source, date = report.prices.get("source", ""), report.prices.get("as_of", "")
        found.append(("Prices", f"{hour} an hour of the machine: {source}, {date}"))
    found += seated_facts(report)
    if host := report.prices.get("host"):
        hour = wording.dollars(float(host["usd_per_hour"]))
        told = f"{hour} an hour of {host['machine']}: {host['source']}, {host['as_of']}"
        found.append(("Serving machine", told))
    for model, price in report.prices.get("models", {}).items():
        found.append((f"Tokens of {model}", wording.token_price(price)))
    return found


def model_text(report: Report, index: int) -> str:
    model = report.models[index]
    size = f"{model.parameters / 1e6:,.0f} million parameters, " if model.parameters else ""
    where = "hosted" if model.hosted else model.dtype
    return f"{model.name}: {size}{where}, fingerprint {model.fingerprint[:12]}"


def needs_told(report: Stated) -> str:
    """The stated needs in one line."""
    needs = report.needs
    found = []
    if needs.quality_at_least is not None:
        found.append(f"quality of at least {wording.score(needs.quality_at_least)}")
    if needs.latency_p95_ms is not None:
        found.append(f"95% of answers within {wording.milliseconds(needs.latency_p95_ms)}")
    if needs.cost_per_1k_requests is not None:
        found.append(f"at most {wording.dollars(needs.cost_per_1k_requests)} per 1,000 requests")
    if needs.requests_per_month is not None:
        months = f"{needs.horizon_months:g} months"
        found.append(f"{wording.count(needs.requests_per_month)} requests a month over {months}")
    found.append(f"a difference below {wording.many_points(needs.practical_margin)} is no matter")
    return "; ".join([*found, *terms_told(report)])


def terms_told(report: Stated) -> list[str]:
    """What is stated of costs and of the deployment."""
    needs, placed = report.needs, report.deployment
    found = []
    if needs.behaviour_changes != "never":
        found.append(f"other outputs are wanted {needs.behaviour_changes}")
    if needs.retrain_on_documents:
        found.append("new documents retrain what was trained on passages")
    if needs.label_usd:
        found.append(f"{wording.dollars(needs.label_usd)} a label")
    if needs.engineer_usd_per_hour is not None:
        found.append(f"{wording.dollars(needs.engineer_usd_per_hour)} an hour of people's work")
    if needs.model_retires is not None:
        found.append(f"the base model retires on {needs.model_retires}")
    if placed is not None:
        where = placed.machine or "a machine as measured"
        told = f"served on {where}, {placed.hours_per_day:g} hours a day"
        if placed.peak_requests_per_second is not None:
            told += f", {placed.peak_requests_per_second:g} requests a second at the peak"
        found.append(told)
    return found
