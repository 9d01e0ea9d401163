"""Memory that a computation frees and asks for again at once stays with the process."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
FROM_THE_HEAP = 1 << 30
KEPT = (1 << 31) - 1


def keep_freed_memory() -> bool:
    """Let glibc keep up to 2 GiB of freed memory; returns whether it will.

    By default each large tensor is mapped anew and its pages are cleared by the kernel on first
    touch, which costs as much time as an elementwise operation on it. Elsewhere than on glibc
    nothing happens. Values: mallopt(3).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, FROM_THE_HEAP) and mallopt(M_TRIM_THRESHOLD, KEPT))
