"""Beyond accuracy: the table of how strategies behave, and what to read into it, for all views."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.behaviour_results import Behaviour, Kept, Share
from benchmarks.noise import CHANGES
from benchmarks.results import StrategyResult
from service import wording
from service.concerns import counted
from service.report import Report
from service.suitability import is_tuned

TITLE = "Beyond accuracy"
Column = tuple[str, Callable[[Behaviour], str], str]


def beyond_table(report: Report) -> tuple[list[str], list[list[str]]]:
    """Head and rows; only columns and strategies that hold something."""
    rows = [(row.id, row.behaviour) for row in report.strategies if row.behaviour]
    kept = [(head, tell) for head, tell, _ in COLUMNS if any(tell(each) for _, each in rows)]
    lines = [[name, *(tell(each) for _, tell in kept)] for name, each in rows]
    shown = [line for line in lines if any(line[1:])]
    return ["strategy", *(head for head, _ in kept)], shown


def beyond_notes(report: Report) -> list[str]:
    """How to read each column that is shown, and what tuning saved in the prompt."""
    head, rows = beyond_table(report)
    found = [note for name, _, note in COLUMNS if name in head]
    return [*found, *prompt_saved(report)] if rows else []


def prompt_saved(report: Report) -> list[str]:
    """Tokens that the best tuned strategy reads, against the best prompt that reads as much of the
    documents: with passages against retrieval, without them against prompting."""
    measured = [row for row in report.strategies if row.quality and row.tokens]
    found = []
    for family, rival in (("fine-tuning", "prompting"), ("combined", "rag")):
        tuned = best([row for row in measured if row.family == family and is_tuned(row)])
        prompt = best([row for row in measured if row.family == rival], like=tuned)
        if not (tuned and prompt and tuned.tokens and prompt.tokens):
            continue
        short, long = (row.tokens.prompt_per_request for row in (tuned, prompt) if row.tokens)
        less = abs(1 - short / long) if long else 0.0
        if less >= 0.01:
            found.append(
                f"{tuned.id} reads {short:,.0f} tokens a request, {prompt.id} {long:,.0f}:"
                f" {less:.0%} {'fewer' if short <= long else 'more'}."
            )
    return found


def best(rows: list[StrategyResult], like: StrategyResult | None = None) -> StrategyResult | None:
    """The one of highest quality, of the same model as `like`."""
    those = [row for row in rows if like is None or row.model == like.model]
    return max(those, key=lambda row: row.quality.value if row.quality else 0.0, default=None)


def calibration(behaviour: Behaviour) -> str:
    """`0.123 (0.045)`"""
    found = behaviour.calibration
    return f"{found.error:.3f} ({found.error_if_calibrated:.3f})" if found else ""


def over_confidence(behaviour: Behaviour) -> str:
    found = behaviour.calibration
    if found is None:
        return ""
    between = wording.points_between(found.low, found.high)
    return f"{wording.points(found.over_confidence)} ({between})"


def surest(behaviour: Behaviour) -> str:
    found = behaviour.calibration
    if found is None:
        return ""
    return f"{wording.score(found.accuracy_at_50)} / {wording.score(found.accuracy_at_80)}"


def declined(behaviour: Behaviour) -> str:
    """`4 of 10 / 2 of 90`"""
    found = behaviour.abstention
    if found is None or not (found.unanswerable or found.answerable):
        return ""
    return " / ".join(
        counted(share) if share else "–" for share in (found.unanswerable, found.answerable)
    )


def grounded(behaviour: Behaviour) -> str:
    return f"{part(behaviour.grounded)} (n = {behaviour.grounded.n})" if behaviour.grounded else ""


def kept(behaviour: Behaviour) -> str:
    """`1.00 / 0.88 / –`"""
    found = {each.change: each for each in behaviour.consistency}
    if not found:
        return ""
    n = max(each.kept.n for each in behaviour.consistency)
    told = " / ".join(part(found[name].kept) if name in found else "–" for name in CHANGES)
    return f"{told} (n = {n})"


def part(share: Share) -> str:
    return wording.score(share.value)


def typo_change(behaviour: Behaviour) -> str:
    """`−6.3 (−18.8 to +6.3)`"""
    found = next((each for each in behaviour.consistency if each.change == "typos"), None)
    return change_told(found) if found else ""


def change_told(each: Kept) -> str:
    between = wording.points_between(each.low, each.high)
    return f"{wording.points(each.score_after - each.score_before)} ({between})"


def beside_wrong(behaviour: Behaviour) -> str:
    """`−4.0 (−9.0 to +1.0, n = 12)` or, without a prompt to compare with, the score alone."""
    found = behaviour.wrong_corpus
    if found is None:
        return ""
    if found.difference is None or found.low is None or found.high is None:
        return f"scores {wording.score(found.score)} (n = {found.n})"
    between = wording.points_between(found.low, found.high)
    return f"{wording.points(found.difference)} ({between}, n = {found.n_shared})"


def declined_wrong(behaviour: Behaviour) -> str:
    found = behaviour.wrong_corpus
    return "" if found is None or found.declined is None else f"{found.declined:.0%}"


def forgotten(behaviour: Behaviour) -> str:
    """`−0.42, 9 of 11`"""
    found = behaviour.forgetting
    if found is None:
        return ""
    change = f"{found.change_nats:+.2f}".replace("-", "−")
    return f"{change}, {found.still_known} of {found.known_before}"


COLUMNS: tuple[Column, ...] = (
    (
        "calibration error (of a calibrated one)",
        calibration,
        "Calibration error: how far confidence and accuracy are apart, in bins of equal size. In"
        " brackets what as few rows would show by chance if every probability were true; only what"
        " is above it is a fault.",
    ),
    (
        "confidence above accuracy, points",
        over_confidence,
        "Confidence above accuracy: mean probability of the chosen label minus accuracy.",
    ),
    (
        "accuracy of the surest 50% / 80%",
        surest,
        "Accuracy of the surest: what is right if the others go to people or to another strategy.",
    ),
    (
        "no answer given: none right / one right",
        declined,
        "No answer given: to inputs that have none, where that is right, and to the others, where"
        " it is wrong.",
    ),
    (
        "words in its sources",
        grounded,
        "Words in its sources: of the longer words and numbers of an answer, those that stand in"
        " the documents it cites. A check of words, not of truth.",
    ),
    (
        f"answers kept: {' / '.join(CHANGES)}",
        kept,
        "Answers kept: how far an answer stays the same (equal label, shared fields or words) on"
        " validation examples in another case and spacing, with typos, or in another order.",
    ),
    (
        "score under typos, points",
        typo_change,
        "Score under typos: with them minus without, on the same validation examples.",
    ),
    (
        "irrelevant passages, points",
        beside_wrong,
        "Irrelevant passages: the score with passages that help with nothing, minus that of the"
        " best prompt without passages, on the same validation examples. Below 0 they do harm.",
    ),
    (
        "no answer given beside them",
        declined_wrong,
        "No answer given beside them: the share of those validation examples.",
    ),
    (
        "general questions, nats a token; still known",
        forgotten,
        "General questions: how much likelier their right answers are after tuning than before,"
        " and how many of those known before are still likelier than a wrong one.",
    ),
)
"""Head, cell, and how to read it."""
