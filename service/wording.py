"""Numbers as people read them, and the few set phrases that every view of a report shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import Any

from benchmarks.records import Hardware
from benchmarks.results import Cost, Latency, Quality, Retrieval, StrategyResult

VERDICTS = {
    "prompting": "Prompting is enough",
    "rag": "Use retrieval (RAG)",
    "fine-tuning": "Fine-tune",
    "combined": "Fine-tune and retrieve",
    "combined-untuned": "Combine strategies, without tuning",
    "no-llm": "No language model needed",
    "keep": "Keep what runs today",
    "inconclusive": "No clear answer yet",
}
TENTATIVE = {
    "fine-tuning": "Fine-tuning may pay, but do not commit yet",
    "combined": "Fine-tuning with retrieval may pay, but do not commit yet",
}
FOR_NOW = {
    "prompting": "No clear answer yet; for now, prompt",
    "rag": "No clear answer yet; for now, retrieve (RAG)",
    "combined-untuned": "No clear answer yet; for now, combine without tuning",
    "no-llm": "No clear answer yet; for now, no language model",
    "keep": "No clear answer yet; for now, keep what runs today",
}
"""The verdicts that a forecast leaves open: what is foreseen is not shown, as in a report."""
COMMITMENTS = {
    "yes": "Commit to fine-tuning: yes",
    "no": "Commit to fine-tuning: no",
    "not yet": "Commit to fine-tuning: not yet",
}


def verdict(kind: str, commit: str) -> str:
    """The verdict in words, which never ask for a tuning that is not to be committed to."""
    return VERDICTS[kind] if commit == "yes" else TENTATIVE.get(kind, VERDICTS[kind])


def dollars(amount: float) -> str:
    """Two significant digits below ten cents, cents above: `~$0`, `$0.00021`, `$0.34`, `$1,205`."""
    size = abs(amount)
    sign = "−" if amount < 0 else ""
    if size == 0:
        return "$0"
    if size < 1e-5:
        return "~$0"
    if size < 0.1:
        return f"{sign}${size:.{1 - floor(log10(size))}f}"
    return f"{sign}${size:,.0f}" if size >= 1000 else f"{sign}${size:,.2f}"


def score(value: float) -> str:
    """Two decimals, three where two would round a score to 1."""
    return f"{value:.3f}" if 0.995 <= value < 1 else f"{value:.2f}"


def interval(low: float, high: float) -> str:
    return f"{score(low)}–{score(high)}"


def points(difference: float) -> str:
    """A difference of scores in points of a hundred, with its sign: `+3.0`, `−0.7`, `0.0`."""
    value = round(100 * difference, 1)
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{abs(value):.1f}"


def points_between(low: float, high: float) -> str:
    return f"{points(low)} to {points(high)}"


def many_points(difference: float) -> str:
    """A size without a sign: `1 point`, `2 points`, `0.5 points`."""
    value = round(100 * abs(difference), 1)
    return "1 point" if value == 1 else f"{value:g} points"


def as_stated(text: str, figure: Cost | Latency) -> str:
    """The figure as text, marked where nobody measured it."""
    return f"{text} stated" if figure.stated else text


def percent(share: float) -> str:
    """A chance in words that never claims certainty."""
    if share < 0.01:
        return "under 1%"
    return "over 99%" if share > 0.99 else f"{100 * share:.0f}%"


def milliseconds(ms: float) -> str:
    if ms < 0.1:
        return "<0.1 ms"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:,.0f} ms"


def duration(seconds: float) -> str:
    """As people say it: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 0.05:
        return "<0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: float) -> str:
    """A number of requests or examples: exact below a thousand, two digits above ten thousand."""
    if number < 10_000:
        return f"{ceil(number):,}"
    step = 10 ** (floor(log10(number)) - 1)
    return f"{round(number / step) * step:,.0f}"


def measured(quality: Quality) -> str:
    """`0.96 accuracy (95% interval 0.92–0.98, 150 test examples)`."""
    return (
        f"{score(quality.value)} {metric_name(quality.metric)}"
        f" (95% interval {interval(quality.low, quality.high)}, {quality.n} test examples)"
    )


def hits(found: Retrieval, k: int) -> str:
    """`0.93`, or `0.85 (@1)` for a strategy that looks at another number of documents than `k`."""
    return score(found.hit_at_k) + ("" if found.k == k else f" (@{found.k})")


def token_price(price: Mapping[str, Any]) -> str:
    """`$0.15 read, $0.075 read from a cache, $0.60 written a million: my contract, 2026-06`."""
    read, cached, written = (dollars(float(price[key])) for key in ("input", "cached", "output"))
    told = f"{read} read, {cached} read from a cache, {written} written a million"
    return f"{told}: {price['source']}, {price['as_of']}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def metric_name(metric: str) -> str:
    """`token_f1` as `token F1`."""
    words = metric.replace("_", " ").replace(" f1", " F1")
    return {"rouge l": "ROUGE-L", "chrf": "chrF"}.get(words, words)


def sureness(confidence: float) -> str:
    """Confidence in words."""
    if confidence >= 0.95:
        return "very sure"
    if confidence >= 0.8:
        return "fairly sure"
    return "more likely than not" if confidence >= 0.5 else "a close call"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def load_text(row: StrategyResult) -> str:
    """`at 2 requests a second on 3 replicas, each busy 61% of its time`; empty without a load."""
    load = row.under_load
    if load is None:
        return ""
    replicas = "1 replica" if load.replicas == 1 else f"{load.replicas:,} replicas"
    busy = f"{'' if load.replicas == 1 else ', each'} busy {percent(load.busy)} of its time"
    return f"at {load.per_second:.3g} requests a second on {replicas}{busy}"


def hardware(machine: Hardware) -> str:
    """`AMD EPYC 7B13, 16 cores, 64 GB, no GPU`."""
    size = f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb:g} GB"
    return f"{size}, {machine.gpu or 'no GPU'}"


def error_share(result: StrategyResult) -> float:
    """Share of test rows that ended in an error, 0 to 1."""
    quality = result.quality
    total = quality.n + quality.errors if quality else 0
    return quality.errors / total if quality and total else 0.0
