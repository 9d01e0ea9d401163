"""Errors of the speed benchmark.

BenchmarkError
└── SideFailed   a process of one side ended without a result
"""

from __future__ import annotations

from benchmarks.errors import BenchmarkError

SHOWN = 600


class SideFailed(BenchmarkError):
    """`said` is the end of what the process wrote to stderr."""

    def __init__(self, piece: str, side: str, code: int, said: str) -> None:
        self.piece = piece
        self.side = side
        self.code = code
        tail = said.strip()[-SHOWN:] or "it said nothing"
        super().__init__(
            f"{piece}: the process of the side {side!r} ended with code {code} and no result. "
            f"All earlier measurements are kept. It ended with:\n{tail}"
        )
