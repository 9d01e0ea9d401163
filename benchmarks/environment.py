"""What machine and what versions a run was made with."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.records import Environment

DRIVER = Path("/proc/driver/nvidia/gpus")
VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable by which CUDA is told which GPUs a process sees; unset: all."""
PACKAGES = (
    "tuneworth",
    "transformers",
    "peft",
    "sentence-transformers",
    "faiss-cpu",
    "rank-bm25",
    "scikit-learn",
    "numpy",
)


def read_environment() -> Environment:
    """Facts of this machine, now. A GPU is seen only once torch is loaded (by a model)."""
    return Environment(
        cpu=cpu_name(),
        cores=usable_cores(),
        memory_gb=round(memory_bytes() / 2**30, 1),
        gpu=gpu_name(),
        torch=installed("torch") or "not installed",
        versions={
            "python": platform.python_version(),
            **{name: found for name in PACKAGES if (found := installed(name))},
        },
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores this process may run on, which a container may hold below the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def gpu_name() -> str | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return str(torch.cuda.get_device_name(0))


def cuda_devices() -> list[str]:
    """The machine's GPUs as the driver names them, whether or not torch is loaded; none where this
    process is told to see none."""
    if os.environ.get(VISIBLE) in ("", "-1"):
        return []
    found = sorted(DRIVER.glob("*/information"))
    lines = [line for path in found for line in path.read_text(errors="replace").splitlines()]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model")]


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
