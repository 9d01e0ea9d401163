"""Spending limits of whole comparisons and forecasts, by the command line and over HTTP."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from click.testing import CliRunner
from in_process import NAME, do_all, services_of, stored
from serving import API, client_of

from benchmarks.costs import read_prices
from benchmarks.errors import Cancelled
from benchmarks.journal import JOURNAL, Journal, Records
from benchmarks.records import BatchRecord, OutcomeRecord, Record
from service.cli import cli
from service.comparing import compare
from service.computing import Computer
from service.consent import is_agreed
from service.file_book import PAID, FileBook
from service.ledger import GRACE_S, Ledger, Limits
from service.orders import Next, Order
from service.reliability.misbehaving import misbehaving
from service.specs import dataset_from
from service.storage import SpentRow
from service.verify import verify
from service.worker import ENDED
from strategies.errors import LimitReached
from strategies.models.account import Ask

COLOURS = ("red", "green", "blue")
N_TEST = 40


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The endpoint, configured as team-gpt at a dollar a million tokens."""

    def colour(text):
        return next(colour for colour in COLOURS if colour in text)

    with misbehaving(say=colour) as running:
        models, prices = tmp_path / "models.yaml", tmp_path / "prices.yaml"
        models.write_text(f"team-gpt: {{base_url: '{running.url}', model: m-1, timeout_s: 30}}\n")
        price = "{input: 1.0, cached: 1.0, output: 10.0, source: test, as_of: 2026-06}"
        prices.write_text(f"models:\n  team-gpt: {price}\n")
        monkeypatch.setenv("TUNEWORTH_MODELS", str(models))
        monkeypatch.setenv("TUNEWORTH_PRICES", str(prices))
        yield running


def spec(**fields):
    splits = ["train"] * 9 + ["validation"] * 3 + ["test"] * N_TEST
    rows = [
        {
            "id": f"r{n}",
            "input": f"order {n * 7919} {chr(97 + n % 23) * (3 + n % 5)}: {COLOURS[n % 3]}",
            "output": COLOURS[n % 3],
            "split": split,
        }
        for n, split in enumerate(splits)
    ]
    return {
        "name": "colours",
        "kind": "classification",
        "instruction": "Name the colour that the customer asks for.",
        "examples": rows,
        "model": "team-gpt",
        "strategies": ["baseline.majority", "prompt.zero-shot"],
        **fields,
    }


def tuneworth(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def outcomes(folder):
    latest = {}
    for record in Journal(folder / JOURNAL).read():
        if isinstance(record, OutcomeRecord) and record.strategy == "prompt.zero-shot":
            latest[record.example] = record
    return latest


def run(out, cancelled=lambda: False, **limits):
    return compare(
        dataset_from(spec(), seed=0, limit=None, train_limit=None),
        out=out,
        prices=read_prices(),
        cancelled=cancelled,
        limits=Limits(**limits),
    )


def test_a_comparison_stops_before_its_limit_and_goes_on_with_a_higher_one(server, tmp_path):
    task, out = tmp_path / "task.json", tmp_path / "out"
    task.write_text(json.dumps(spec()))
    limit = 0.004
    said = tuneworth("compare", task, "--out", out, "--spend-at-most", limit)
    assert said.exit_code == 0, said.output
    assert "above the limit of $0.0040: answers beyond it will be errors" in said.output
    assert 0 < server.usd(1.0, 10.0) <= limit
    rows = outcomes(out)
    assert len(rows) == N_TEST
    missing = [row for row in rows.values() if row.state == "error"]
    assert 0 < len(missing) < N_TEST
    assert all("spending limit" in row.error for row in missing)
    assert all(row.scores == {} for row in missing)
    report = json.loads((out / "report.json").read_text())
    [told] = [check for check in report["checks"] if check["check"] == "spending"]
    assert f"no answer to {len(missing)} examples" in told["message"]
    assert "The spending limit was reached" in said.output
    assert verify(out) == []

    before = server.asked
    said = tuneworth("compare", task, "--out", out, "--tokens-at-most", 100_000, "--yes")
    assert said.exit_code == 0, said.output
    assert server.asked > before
    assert {row.state for row in outcomes(out).values()} == {"ok"}
    assert "spending limit" not in (out / "report.md").read_text()


def test_a_batch_that_was_killed_is_not_paid_again(server, tmp_path):
    """The process ends between the replies of a batch and its line in the journal."""
    whole = tmp_path / "whole"
    run(whole)
    server.texts.clear()
    out = tmp_path / "out"
    run(out)
    lines = (out / JOURNAL).read_bytes().splitlines(keepends=True)
    last = max(n for n, line in enumerate(lines) if b'"record":"batch"' in line)
    first = max(n for n, line in enumerate(lines[:last]) if b'"outcome"' not in line) + 1
    assert last - first > 0
    (out / JOURNAL).write_bytes(b"".join(lines[:first]))
    asked = server.asked
    run(out)
    assert server.asked == asked
    batches = [each for each in Journal(out / JOURNAL) if isinstance(each, BatchRecord)]
    assert batches[-1].reused
    texts = {name: row.text for name, row in outcomes(whole).items()}
    assert {name: row.text for name, row in outcomes(out).items()} == texts


def test_a_killed_process_is_paid_for_once_and_its_open_request_counts(server, tmp_path):
    """Three warm-ups and 60 timed requests come first, then a batch of 12, in which it is killed,
    and one of 8."""
    silent = 3 + 60 + 7
    server.manner_of = lambda number, text: "silent" if number == silent else "well"
    task, out = tmp_path / "task.json", tmp_path / "out"
    task.write_text(json.dumps(spec()))
    code = "from service.cli import main; main()"
    command = [sys.executable, "-c", code, "compare", str(task), "--out", str(out), "--yes"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 150
    while not (server.asked == 75 and server.running == 1) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)  # what was sent is stored
    process.kill()
    process.wait()
    assert server.asked == 75
    run(out)
    assert server.asked == 75 + 1 + 8
    assert {row.state for row in outcomes(out).values()} == {"ok"}
    ledger = Ledger(FileBook(out / PAID), read_prices(), Limits(), lambda: False)
    assert ledger.spent.usd > server.usd(1.0, 10.0)


def test_a_fresh_comparison_has_a_fresh_account(server, tmp_path):
    task, out = tmp_path / "task.json", tmp_path / "out"
    task.write_text(json.dumps(spec()))
    tuneworth("compare", task, "--out", out, "--spend-at-most", 0.004)
    spent = (out / PAID).stat().st_size
    said = tuneworth("compare", task, "--out", out, "--fresh", "--spend-at-most", 0.004)
    assert said.exit_code == 0, said.output
    assert (out / PAID).stat().st_size == pytest.approx(spent, rel=0.2)
    assert any(row.state == "ok" for row in outcomes(out).values())


def test_a_comparison_is_stopped_within_seconds_in_a_silent_request(server, tmp_path):
    out, told = tmp_path / "out", threading.Event()

    def manner(number, text):
        if number == 5:
            threading.Timer(0.5, told.set).start()
        return "well" if number < 5 else "silent"

    server.manner_of = manner
    with pytest.raises(Cancelled, match="during a request"):
        run(out, told.is_set)
    assert 0.5 <= time.monotonic() - server.times[5] < 0.5 + GRACE_S + 2.0
    ledger = Ledger(FileBook(out / PAID), read_prices(), Limits(tokens=1), lambda: False)
    with pytest.raises(LimitReached):
        ledger.reserve(Ask(None, "team-gpt", 1, 1))
    assert ledger.spent.usd >= server.usd(1.0, 10.0)  # nobody knows what the silent one is billed


@pytest.mark.parametrize(
    ("expected", "accepted", "at_most", "agreed"),
    [
        (0.0, None, None, True),
        (0.25, None, None, False),
        (0.25, 0.20, None, False),
        (0.25, 0.25, None, True),
        (0.25, None, 0.10, True),
        (0.25, 0.05, 0.10, False),
        (0.25, 0.20, 0.10, True),
    ],
)
def test_a_limit_agrees_to_itself(expected, accepted, at_most, agreed):
    assert is_agreed(expected, accepted, at_most) == agreed


def test_a_limit_over_http(server, tmp_path):
    with client_of(tmp_path / "data") as client:
        task = client.post(f"{API}/tasks", json=spec()).json()["id"]
        address = f"{API}/tasks/{task}/comparisons"
        assert client.post(address, json={}).status_code == 422
        for wrong in ({"spend_at_most_usd": 0}, {"tokens_at_most": 0}):
            assert client.post(address, json=wrong).status_code == 422
        limits = {"spend_at_most_usd": 0.004, "tokens_at_most": 100_000}
        reply = client.post(address, json=limits)
        assert reply.status_code == 202, reply.text
        assert reply.json()["options"] | limits == reply.json()["options"]
        reply = client.post(f"{API}/tasks/{task}/forecasts", json=limits)
        assert reply.status_code == 202, reply.text


@pytest.mark.parametrize("kind", ["comparisons", "forecasts"])
def test_the_worker_holds_the_limit(server, tmp_path, kind):
    with client_of(tmp_path / "data") as client:
        task = client.post(f"{API}/tasks", json=spec()).json()["id"]
        limits = {"spend_at_most_usd": 0.004}
        limits |= {"budget_usd": 1.0} if kind == "forecasts" else {}
        reply = client.post(f"{API}/tasks/{task}/{kind}", json=limits)
        assert reply.status_code == 202, reply.text
        at, key = services_of(client), reply.json()["id"]
        do_all(at, key)
        assert client.get(f"{API}/{kind}/{key}").json()["state"] == "completed"
        rows = [one for one in stored(at, key) if isinstance(one, OutcomeRecord)]
        with at.store.begin() as session:
            told = session.get(SpentRow, key)
    assert told is not None
    assert 0 < server.usd(1.0, 10.0) <= told.usd <= 0.004
    if kind == "comparisons":
        assert any(row.state == "error" for row in rows)


def test_a_killed_worker_has_paid_once(server, tmp_path):
    """It dies between the replies of a batch and their records."""
    with client_of(tmp_path / "data") as client:
        task = client.post(f"{API}/tasks", json=spec()).json()["id"]
        begun = client.post(f"{API}/tasks/{task}/comparisons", json={"spend_at_most_usd": 1.0})
        at, key = services_of(client), begun.json()["id"]
        compute = Computer()

        def deadly(order: Order) -> Next:
            if order.name != "prompt.zero-shot":
                return compute(order)
            return compute(replace(order, records=Dying(order.records)))

        with pytest.raises(Died):
            do_all(at, key, deadly)
        asked = server.asked
        at.units.bury(NAME, ENDED)
        do_all(at, key)
        assert client.get(f"{API}/comparisons/{key}").json()["state"] == "completed"
        rows = [one for one in stored(at, key) if isinstance(one, OutcomeRecord)]
    assert [row.state for row in rows] == ["ok"] * (2 * N_TEST)
    assert server.asked == asked + 8  # the last batch of 20, of which 12 were there


class Died(BaseException):
    """Ends a worker in the midst of its work, as being killed does."""


class Dying:
    """Records of a worker that dies before it stores the first batch of answers."""

    def __init__(self, records: Records) -> None:
        self.read, self.mend, self._append = records.read, records.mend, records.append

    def __iter__(self) -> Iterator[Record]:
        return iter(self.read())

    def append(self, records: Sequence[Record]) -> None:
        if len([one for one in records if isinstance(one, OutcomeRecord)]) > 1:
            raise Died
        self._append(records)
