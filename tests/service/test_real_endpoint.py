"""A whole comparison against a real server that others wrote: `transformers serve` on loopback."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from benchmarks.costs import read_prices
from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import OutcomeRecord
from service.comparing import compare
from service.file_book import PAID, FileBook
from service.ledger import Ledger, Limits
from service.specs import dataset_from
from service.verify import verify

COLOURS = ("red", "green", "blue")
N_TEST = 12


@pytest.fixture
def served(tiny_folder, tmp_path):
    """The tiny network behind the server; the address of its interface."""
    pytest.importorskip("fastapi", reason="needs transformers[serving]")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    code = "from transformers.cli.transformers import app; app()"
    place = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    command = [sys.executable, "-c", code, "serve", str(tiny_folder), *place]
    settings = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    log = tmp_path / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=settings, stdout=out, stderr=out)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(address, process, log):
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"no server: {log.read_text()[-2000:]}")


def colours(model):
    splits = ["train"] * 6 + ["validation"] * 3 + ["test"] * N_TEST
    rows = [
        {
            "id": f"r{n}",
            "input": f"order {n * 7919} {chr(97 + n % 23) * 4}: {COLOURS[n % 3]}",
            "output": COLOURS[n % 3],
            "split": split,
        }
        for n, split in enumerate(splits)
    ]
    spec = {
        "name": "colours",
        "kind": "classification",
        "instruction": "Name the colour that the customer asks for.",
        "examples": rows,
        "model": model,
        "strategies": ["prompt.zero-shot"],
    }
    return dataset_from(spec, seed=0, limit=None, train_limit=None)


def test_a_comparison_against_transformers_serve(served, tiny_folder, tmp_path, monkeypatch):
    endpoint = {"base_url": served, "model": str(tiny_folder), "concurrency": 2, "timeout_s": 60}
    models, prices = tmp_path / "models.yaml", tmp_path / "prices.yaml"
    models.write_text(json.dumps({"tiny": endpoint}))
    prices.write_text(
        "models:\n  tiny: {input: 1.0, cached: 1.0, output: 10.0, source: test, as_of: 2026-06}\n"
    )
    monkeypatch.setenv("TUNEWORTH_MODELS", str(models))
    out, price_list = tmp_path / "out", read_prices(prices)

    def run(**limits):
        return compare(colours("tiny"), out=out, prices=price_list, limits=Limits(**limits))

    def states():
        latest = {r.example: r for r in Journal(out / JOURNAL) if isinstance(r, OutcomeRecord)}
        assert len(latest) == N_TEST
        return sorted(row.state for row in latest.values()), latest.values()

    run(tokens=1_000)
    found, _ = states()
    assert found.count("error") > 0
    report = run(tokens=1_000_000)
    found, rows = states()
    assert found == ["ok"] * N_TEST
    (row,) = report.strategies
    assert (row.status, row.quality.errors, row.latency_ms.n) == ("completed", 0, 60)
    assert min(each.prompt_tokens for each in rows) > 10
    assert min(each.completion_tokens for each in rows) > 0
    ledger = Ledger(FileBook(out / PAID), price_list, Limits(), lambda: False)
    answered = sum(each.prompt_tokens + each.completion_tokens for each in rows)
    assert ledger.spent.tokens > answered + 60 * min(each.prompt_tokens for each in rows) / 2
    assert verify(out) == []
