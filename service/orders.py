"""What the worker hands to whoever computes: a comparison or a forecast, and where to write it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.forecasting.defaults import CONFIDENCE
from service.progress import ForecastBoard, ProgressBoard


@dataclass(frozen=True)
class Order:
    """A comparison to be computed: the spec with its data, the options, and where to write.

    `results` is the folder of what comparisons of the task may reuse; None for computing all.
    """

    spec: dict[str, Any]
    folder: Path
    board: ProgressBoard
    cancelled: Callable[[], bool]
    results: Path | None = None
    strategies: list[str] | None = None
    limit: int | None = None
    train_limit: int | None = None
    seed: int = 0
    race: bool = False
    probes: bool = True
    accept_cost_usd: float | None = None
    spend_at_most_usd: float | None = None
    tokens_at_most: int | None = None


@dataclass(frozen=True)
class ForecastOrder:
    """A forecast to be made: the spec with its data, the options, and where to write."""

    spec: dict[str, Any]
    folder: Path
    board: ForecastBoard
    cancelled: Callable[[], bool]
    strategies: list[str] | None = None
    limit: int | None = None
    train_limit: int | None = None
    seed: int = 0
    confidence: float = CONFIDENCE
    budget_seconds: float | None = None
    budget_usd: float | None = None
    accept_cost_usd: float | None = None
    spend_at_most_usd: float | None = None
    tokens_at_most: int | None = None


Compare = Callable[[Order], None]
"""Computes the comparison and writes report.json, report.md and report.html into its folder;
continues what an earlier call left there. Raises benchmarks.errors.Cancelled when told to stop."""
Foretell = Callable[[ForecastOrder], None]
"""The same of a forecast, with forecast.json, forecast.md and forecast.html."""
