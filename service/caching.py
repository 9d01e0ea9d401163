"""The cache of this user: where it lies and how large it may grow, as the environment decides."""

import math
import os
from collections.abc import Mapping

from corpora.errors import InvalidInput
from strategies.cache import DEFAULT_BYTES, Cache
from strategies.models.catalogue import cache_folder

VARIABLE = "TUNEWORTH_CACHE_GB"
GIGABYTE = 10**9


def default_cache(environ: Mapping[str, str] = os.environ) -> Cache | None:
    """`results` in the cache folder, of 2 GB unless TUNEWORTH_CACHE_GB says otherwise.

    None where it says 0. Raises InvalidInput.
    """
    said = environ.get(VARIABLE) or ""
    if not said:
        limit = DEFAULT_BYTES
    else:
        try:
            gigabytes = float(said)
        except ValueError:
            gigabytes = math.nan
        if not 0 <= gigabytes < math.inf:
            raise InvalidInput(VARIABLE, said, "Give a number of gigabytes; 0 for no cache.")
        limit = int(gigabytes * GIGABYTE)
    return Cache(cache_folder() / "results", limit_bytes=limit) if limit else None
