"""What the environment decides: the data folder, the address to listen on, the names it has."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from corpora.errors import InvalidInput
from service.hosts import LOOPBACK, is_loopback, read_hosts


@dataclass(frozen=True)
class Settings:
    """`data` holds the database and the files of every comparison; port 0 takes a free one.

    `hosts` are the names by which others call this server, where any may.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            is_loopback(self.host)
        except ValueError:
            fix = "Give an address of this machine, such as 127.0.0.1 or 0.0.0.0."
            raise InvalidInput("TUNEWORTH_HOST", self.host, fix) from None
        if self.host in ("0.0.0.0", "::") and not self.hosts:
            fix = "State the names by which others call this server, between commas."
            raise InvalidInput("TUNEWORTH_HOSTS", "", fix)
        if not 0 <= self.port <= 65535:
            raise InvalidInput("TUNEWORTH_PORT", self.port, "Give a number from 0 to 65535.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """From TUNEWORTH_DATA, TUNEWORTH_HOST, TUNEWORTH_HOSTS and TUNEWORTH_PORT; raises
        InvalidInput."""
        port = environ.get("TUNEWORTH_PORT") or "8000"
        if not (port.isascii() and port.isdigit()):
            raise InvalidInput("TUNEWORTH_PORT", port, "Give a number from 0 to 65535.")
        data = environ.get("TUNEWORTH_DATA")
        return cls(
            data=Path(data).expanduser().absolute() if data else user_data_path("tuneworth"),
            host=environ.get("TUNEWORTH_HOST") or "127.0.0.1",
            port=int(port),
            hosts=read_hosts(environ.get("TUNEWORTH_HOSTS") or ""),
        )

    @property
    def exposed(self) -> bool:
        """Whether others than this machine may connect, perhaps through a proxy on it."""
        return bool(self.hosts) or not is_loopback(self.host)

    @property
    def names(self) -> tuple[str, ...]:
        """What a request may call this server: this machine's names, the address, and `hosts`."""
        return tuple(dict.fromkeys((*LOOPBACK, self.host, *self.hosts)))

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
