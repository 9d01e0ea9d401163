"""Label-prior calibration: a model's liking for some labels, whatever the input, divided out.

The prior of a label is the geometric mean of its probability over inputs of the task's own kind,
whose right labels are not looked at (Zhao et al. 2021, "Calibrate Before Use", takes a
content-free input; Zhou et al. 2024, "Batch Calibration", the mean over a batch of inputs).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from corpora.task import Example
from strategies.base import Answer

SMALLEST = 1e-12


def prior_of(answers: Sequence[Answer]) -> dict[str, float] | None:
    """Mean log-probability of each label; None where answers carry no real probabilities.

    A model without likelihoods puts everything on what it said: there is nothing to calibrate.
    """
    given = [answer.probabilities for answer in answers if answer.probabilities]
    if not given or all(max(each.values()) >= 1.0 for each in given):
        return None
    return {
        label: fmean(math.log(max(each.get(label, 0.0), SMALLEST)) for each in given)
        for label in given[0]
    }


def label_shares(labels: Sequence[str], train: Sequence[Example]) -> dict[str, float]:
    """How common each label is in training, one row added to each."""
    seen = Counter(row.output for row in train)
    whole = len(train) + len(labels)
    return {label: (seen[label] + 1) / whole for label in labels}


def weights_from(
    prior: Mapping[str, float], shares: Mapping[str, float] | None = None
) -> dict[str, float]:
    """What to add to each log-probability: the prior taken out, and the shares of training put
    in its place where they are given."""
    return {
        label: -value + (math.log(shares[label]) if shares else 0.0)
        for label, value in prior.items()
    }


def calibrated(answer: Answer, weights: Mapping[str, float]) -> Answer:
    """The answer after `weights`, its probabilities summing to 1 again."""
    if answer.error is not None or not answer.probabilities:
        return answer
    logs = {
        label: math.log(max(share, SMALLEST)) + weights.get(label, 0.0)
        for label, share in answer.probabilities.items()
    }
    highest = max(logs.values())
    odds = {label: math.exp(value - highest) for label, value in logs.items()}
    whole = sum(odds.values())
    shares = {label: odd / whole for label, odd in odds.items()}
    return replace(answer, text=max(shares, key=lambda label: shares[label]), probabilities=shares)
