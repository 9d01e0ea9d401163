"""What the environment decides: the data folder, the address to listen on, and how logs look."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from platformdirs import user_data_path

from corpora.errors import InvalidInput
from service.logs import LogStyle

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Settings:
    """`data` holds the database and the files of every comparison; port 0 takes a free one.

    `log`: JSON lines or text; auto is text on a terminal.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    log: LogStyle = "auto"

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK:
            raise InvalidInput(
                "TUNEWORTH_HOST",
                self.host,
                "Only this machine may connect, as there are no API keys yet: use 127.0.0.1.",
            )
        if not 0 <= self.port <= 65535:
            raise InvalidInput("TUNEWORTH_PORT", self.port, "Give a number from 0 to 65535.")
        if self.log not in get_args(LogStyle):
            raise InvalidInput("TUNEWORTH_LOG", self.log, "Use json, text or auto.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """From TUNEWORTH_DATA, _HOST, _PORT and _LOG; raises InvalidInput."""
        port = environ.get("TUNEWORTH_PORT") or "8000"
        if not (port.isascii() and port.isdigit()):
            raise InvalidInput("TUNEWORTH_PORT", port, "Give a number from 0 to 65535.")
        data = environ.get("TUNEWORTH_DATA")
        return cls(
            data=Path(data).expanduser().absolute() if data else user_data_path("tuneworth"),
            host=environ.get("TUNEWORTH_HOST") or "127.0.0.1",
            port=int(port),
            log=cast("LogStyle", environ.get("TUNEWORTH_LOG") or "auto"),  # checked when made
        )

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.data / 'tuneworth.db'}"

    def comparison_folder(self, comparison: str) -> Path:
        """Where the journal, the artefacts and the report of a comparison lie."""
        return self.folder_of("comparisons", comparison)

    def forecast_folder(self, forecast: str) -> Path:
        """Where the findings and the three forms of a forecast lie."""
        return self.folder_of("forecasts", forecast)

    def folder_of(self, kind: str, key: str) -> Path:
        return self.data / kind / key
