"""Names and addresses of this server: which it listens on, and by which it is called."""

import ipaddress
import re

from corpora.errors import InvalidInput

LOOPBACK = ("127.0.0.1", "::1", "localhost")
HOST = re.compile(r"(\[[0-9a-f:]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
"""A Host header: a name or an address, an IPv6 one in brackets, and perhaps a port."""
NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


def host_of(sent: str) -> str | None:
    """The name or address in a Host header, in small letters; None where it is none."""
    # read here, as the framework's reading of the address fails where the port is no number
    found = HOST.fullmatch(sent.lower())
    return found[1].strip("[]") if found and int(found[2] or 0) <= 65535 else None


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to this address; raises ValueError for a name."""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def read_hosts(text: str) -> tuple[str, ...]:
    """The names in a list between commas; raises InvalidInput."""
    names = tuple(part.strip().lower().strip("[]") for part in text.split(",") if part.strip())
    for name in names:
        if not (NAME.fullmatch(name) or _is_address(name)):
            fix = "Give names or addresses between commas, without a port or https://."
            raise InvalidInput("TUNEWORTH_HOSTS", name, fix)
    return names


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
