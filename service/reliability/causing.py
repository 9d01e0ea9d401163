"""What hinders a service from outside, for a while: a disk that is full, a folder that may not be
written, a clock that is moved. Nothing of it touches more of the machine than what is named."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import BenchmarkError

ROOM = "1g"
TRIES = 20
"""To make a disk smaller while something is written to it."""
CLOCK = "TUNEWORTH_SHIFTED_CLOCK"
SHIFT = struct.Struct("q")
SOURCE = f"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long seconds(void) {{
    static volatile long *shift;
    if (!shift) {{
        const char *path = getenv("{CLOCK}");
        int file = path ? open(path, O_RDONLY) : -1;
        void *place = file < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0) close(file);
        if (place == MAP_FAILED) return 0;
        shift = place;
    }}
    return *shift;
}}
int clock_gettime(clockid_t which, struct timespec *at) {{
    int failed = syscall(SYS_clock_gettime, which, at);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        at->tv_sec += seconds();
    return failed;
}}
int gettimeofday(struct timeval *at, void *zone) {{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}}
time_t time(time_t *at) {{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}}
"""
"""Moves the time of day, and no other clock, for the programs that it is loaded into."""


class CannotCause(BenchmarkError):
    """The message says what this machine lacks for it."""


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of its own in a new folder. Raises CannotCause where nothing may be mounted."""
    folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder))
    try:
        yield
    finally:
        _unmount(folder)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """The disk has no more room than what lies on it takes."""
    for left in reversed(range(TRIES)):
        try:
            _mount("-o", f"remount,size={used_on(disk)}", str(disk))
            break
        except CannotCause:  # something was written meanwhile: it may not shrink below that
            if not left:
                raise
    try:
        yield
    finally:
        _mount("-o", f"remount,size={ROOM}", str(disk))


def used_on(disk: Path) -> int:
    """Bytes."""
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be opened for writing in the folder or made in it; what is open stays so.

    Modes of files would do for others than root. Raises CannotCause where nothing may be mounted.
    """
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        _unmount(folder)


class Clock:
    """The time of day of the programs that are started with `environment`."""

    def __init__(self, shared: mmap.mmap, environment: Mapping[str, str]) -> None:
        self._shared = shared
        self.environment = environment

    @contextmanager
    def moved(self, seconds: int) -> Iterator[None]:
        """It jumps forward by so much, and back in the end."""
        self._shared[: SHIFT.size] = SHIFT.pack(seconds)
        try:
            yield
        finally:
            self._shared[: SHIFT.size] = SHIFT.pack(0)


@contextmanager
def own_clock() -> Iterator[Clock]:
    """Raises CannotCause without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise CannotCause("a C compiler is missing, to move a clock: install gcc")
    folder = Path(tempfile.mkdtemp(prefix="tuneworth-clock-"))
    try:
        folder.chmod(0o755)  # the database is another user's
        source, library, shift = (folder / name for name in ("clock.c", "clock.so", "shift"))
        source.write_text(SOURCE)
        told = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)]
        done = subprocess.run(told, capture_output=True, text=True)
        if done.returncode:
            raise CannotCause(f"the clock to be moved cannot be built: {done.stderr[:300]}")
        shift.write_bytes(SHIFT.pack(0))
        with shift.open("r+b") as file, mmap.mmap(file.fileno(), SHIFT.size) as shared:
            yield Clock(shared, {"LD_PRELOAD": str(library), CLOCK: str(shift)})
    finally:
        shutil.rmtree(folder)


def _mount(*arguments: str) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotCause("mount is missing: this needs Linux") from error
    if done.returncode:
        raise CannotCause(
            f"a disk of its own needs root, who may mount: {done.stderr.splitlines()[:1]}"
        )


def _unmount(folder: Path) -> None:
    """Even where a process still has something open there."""
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True)
