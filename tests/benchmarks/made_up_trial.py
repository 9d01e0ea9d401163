"""How far beliefs can be trusted where the truth is known: the figures of docs/belief.md.

`python tests/benchmarks/made_up_trial.py` draws made-up worlds that the model of the belief
describes ("plain") and others that it does not ("rough"), teaches a predictor 19 tasks of each and
asks it about 12 others. It prints the tables and writes made_up_trial.json beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from leaving_out import Believing
from made_up import UNSEEN, World, believed

from benchmarks.belief.measured import Measured
from benchmarks.belief.predictor import Predictor
from benchmarks.belief.rivals import RIVALS, is_tuned
from benchmarks.evidence.finding import Finding
from benchmarks.records import StrategyFacts

FOUND = Path(__file__).with_suffix(".json")
TEACHERS, ASKED = 19, 12
WORLDS, WORLDS_OF_RIVALS = 25, 20
Which = Callable[[StrategyFacts, Sequence[Finding]], bool]


def rows_alone(finding: Finding) -> bool:
    return finding.action.deed == "rows"


def with_pilots(finding: Finding) -> bool:
    return rows_alone(finding) or small_pilot(finding)


def small_pilot(finding: Finding) -> bool:
    return finding.action.deed == "pilot" and finding.action.share <= 0.1


def everything(finding: Finding) -> bool:
    return True


def has_answered(strategy: StrategyFacts, findings: Sequence[Finding]) -> bool:
    return any(rows_alone(one) and one.action.strategy == strategy.id for one in findings)


def searches(strategy: StrategyFacts, findings: Sequence[Finding]) -> bool:
    unseen = any(word in strategy.id for word in UNSEEN)
    return unseen and strategy.id.endswith("optimized") and not is_tuned(strategy)


def tunes(strategy: StrategyFacts, findings: Sequence[Finding]) -> bool:
    return is_tuned(strategy)


def follows(strategy: StrategyFacts, findings: Sequence[Finding]) -> bool:
    return strategy.name == "cascade"


LINES: tuple[tuple[str, str, Which, Callable[[Finding], bool]], ...] = (
    ("that answered rows", "rows", has_answered, rows_alone),
    ("that search", "rows of others", searches, rows_alone),
    ("that follow others", "rows of others", follows, rows_alone),
    ("tuned", "rows of others", tunes, rows_alone),
    ("that search", "rows, pilots at 5 and 10%", searches, with_pilots),
    ("tuned", "rows, pilots at 5 and 10%", tunes, with_pilots),
    ("tuned", "everything, pilots up to 50%", tunes, everything),
)


def coverage(rough: bool) -> list[float]:
    """Of the 90% intervals, a line of LINES each."""
    held: list[list[bool]] = [[] for _ in LINES]
    for seed in range(WORLDS):
        made = World(seed=seed, rough=rough).tasks(TEACHERS + ASKED)
        predictor = Predictor.fit([task for task, _ in made[:TEACHERS]])
        for task, truth in made[TEACHERS:]:
            for place, (_, _, which, seen) in enumerate(LINES):
                findings = [one for one in task.findings if seen(one)]
                belief = believed(predictor, task.kind, task.strategies, findings)
                for strategy in task.strategies:
                    if which(strategy, findings):
                        told = belief.quality(strategy.id)
                        held[place].append(told.low <= truth[strategy.id] <= told.high)
    return [fmean(each) for each in held]


def small_pilots(task: Measured) -> list[Finding]:
    return [one for one in task.findings if one.action.deed != "pilot" or small_pilot(one)]


def losses(rough: bool) -> dict[str, float]:
    """Mean points lost by choosing, by rule, and by the same belief untaught."""
    lost: dict[str, list[float]] = {}
    for seed in range(WORLDS_OF_RIVALS):
        made = World(seed=seed, rough=rough).tasks(TEACHERS + ASKED)
        teachers = [task for task, _ in made[:TEACHERS]]
        rules = {rule.name: rule.fitted(teachers) for rule in (Believing(), *RIVALS)}
        rules["predictor, untaught"] = Believing()
        for task, truth in made[TEACHERS:]:
            for name, rule in rules.items():
                pick = rule.say(task.kind, task.strategies, small_pilots(task)).pick
                lost.setdefault(name, []).append(max(truth.values()) - truth.get(pick, 0.0))
    return {name: 100 * fmean(each) for name, each in lost.items()}


def main() -> None:
    held = [coverage(rough) for rough in (False, True)]
    lost = [losses(rough) for rough in (False, True)]
    print("| strategies | evidence | 90% intervals hold, model right | model wrong |")
    print("| --- | --- | --- | --- |")
    for (who, evidence, *_), plain, rough in zip(LINES, *held, strict=True):
        print(f"| {who} | {evidence} | {plain:.2f} | {rough:.2f} |")
    print("\n| chosen by | points lost, model right | model wrong |\n| --- | --- | --- |")
    for name, plain in lost[0].items():
        print(f"| {name} | {plain:.1f} | {lost[1][name]:.1f} |")
    found = {
        "coverage": [
            {"strategies": who, "evidence": evidence, "plain": plain, "rough": rough}
            for (who, evidence, *_), plain, rough in zip(LINES, *held, strict=True)
        ],
        "points_lost": {name: {"plain": lost[0][name], "rough": lost[1][name]} for name in lost[0]},
    }
    FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
