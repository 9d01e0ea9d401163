"""The caches of results: where they lie and how large they may grow, as the environment decides."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

from corpora.errors import InvalidInput
from strategies.cache import DEFAULT_BYTES, Cache
from strategies.models.catalogue import cache_folder

VARIABLE = "TUNEWORTH_CACHE_GB"
GIGABYTE = 10**9


def default_cache(environ: Mapping[str, str] = os.environ) -> Cache | None:
    """That of this user: `results` in the cache folder, of 2 GB unless TUNEWORTH_CACHE_GB says
    otherwise.

    None where it says 0. Raises InvalidInput.
    """
    limit = limit_bytes(environ)
    return Cache(cache_folder() / "results", limit_bytes=limit) if limit else None


def task_cache(folder: Path, environ: Mapping[str, str] = os.environ) -> Cache | None:
    """That of one task of the service, in `folder`; all beside it share the same limit.

    No task is given what was computed for another one, as that may be another owner's, and what
    is kept goes with its task.
    """
    limit = limit_bytes(environ)
    return Cache(folder.parent, part=folder.name, limit_bytes=limit) if limit else None


def limit_bytes(environ: Mapping[str, str]) -> int:
    """What TUNEWORTH_CACHE_GB says; raises InvalidInput."""
    said = environ.get(VARIABLE) or ""
    if not said:
        return DEFAULT_BYTES
    try:
        gigabytes = float(said)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise InvalidInput(VARIABLE, said, "Give a number of gigabytes; 0 for no cache.")
    return int(gigabytes * GIGABYTE)
