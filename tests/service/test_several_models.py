"""A tiny local model and a hosted one in one comparison, by the command line and over HTTP."""

import json
import re

import pytest
from click.testing import CliRunner
from endpoint import COLOURS, endpoint
from in_process import as_folder, do_all, key_of, services_of, stored
from serving import API, client_of, ended, start, wait_until, worker_on

from benchmarks.journal import Journal
from benchmarks.records import OutcomeRecord
from service.cli import cli
from service.verify import verify

STRATEGIES = ["baseline.majority", "prompt.zero-shot", "lora"]
N_TEST = 24


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The endpoint, configured as team-gpt at a dollar a million tokens, and keyless without."""
    with endpoint() as running:
        models, prices = tmp_path / "models.yaml", tmp_path / "prices.yaml"
        models.write_text(
            f"team-gpt: {{base_url: '{running.url}', model: m-1}}\n"
            f"keyless: {{base_url: '{running.url}', model: m-2, api_key_env: NO_SUCH_KEY}}\n"
        )
        price = "{input: 1.0, cached: 1.0, output: 10.0, source: test, as_of: 2026-06}"
        prices.write_text(f"models:\n  team-gpt: {price}\n  keyless: {price}\n")
        monkeypatch.setenv("TUNEWORTH_MODELS", str(models))
        monkeypatch.setenv("TUNEWORTH_PRICES", str(prices))
        monkeypatch.delenv("NO_SUCH_KEY", raising=False)
        yield running


def spec(**fields):
    splits = ["train"] * 9 + ["validation"] * 3 + ["test"] * N_TEST
    words = (
        "alder",
        "birch",
        "cedar",
        "elm",
        "fir",
        "hazel",
        "larch",
        "maple",
        "oak",
        "pine",
        "rowan",
        "yew",
    )
    rows = [
        {
            "id": f"r{n}",
            "input": f"w{n} {words[n % 12]} {words[n // 12 * 5 % 12]} {n * 7919}: {COLOURS[n % 3]}",
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
        "strategies": STRATEGIES,
        **fields,
    }


def tuneworth(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def rows_of(out):
    report = json.loads((out / "report.json").read_text())
    return report, {row["id"]: row for row in report["strategies"]}


def test_local_hosted_and_broken_models_by_the_command_line(server, tiny_folder, tmp_path) -> None:
    given = [{"id": f"r{n}", "output": "red", "cost_usd": 0.001} for n in range(12, 12 + N_TEST)]
    models = [str(tiny_folder), "team-gpt", "keyless"]
    task, out = tmp_path / "task.json", tmp_path / "out"
    task.write_text(json.dumps(spec(model=models, incumbent=given)))
    server.broken = {"w20", "w30"}
    said = tuneworth("compare", task, "--out", out, "--yes")
    assert said.exit_code == 0, said.output
    report, rows = rows_of(out)
    local, hosted, keyless = (f"prompt.zero-shot@{name}" for name in models)
    assert [model["name"] for model in report["models"]] == models[:2]
    assert [rows[id_]["status"] for id_ in (local, hosted, "incumbent")] == ["completed"] * 3
    assert rows[f"lora@{tiny_folder}"]["status"] == "completed"
    assert rows["lora@team-gpt"]["status"] == "skipped"
    assert "weights" in rows["lora@team-gpt"]["reason"]
    assert rows[keyless]["status"] == "failed"
    assert "NO_SUCH_KEY is empty" in rows[keyless]["reason"]

    answers = rows[hosted]
    assert (answers["quality"]["value"], answers["quality"]["errors"]) == (1.0, 2)
    assert answers["tokens"]["prompt_per_request"] == 100
    assert answers["tokens"]["completion_per_request"] == 2
    assert answers["cost"]["per_1k_requests_usd"] == pytest.approx(0.12)
    assert answers["latency_ms"]["n"] == rows[local]["latency_ms"]["n"] == 60
    assert report["environment"]["spent_usd"] > N_TEST * 0.00012
    html = (out / "report.html").read_text()
    assert f'prompt.zero-shot<wbr><span class="at">@{tiny_folder}</span>' in html
    assert verify(out) == []

    server.broken, before = set(), server.asked.copy()
    assert tuneworth("compare", task, "--out", out, "--yes").exit_code == 0
    again = {re.search(r"\bw\d+\b", text)[0] for text in server.asked - before}
    assert again == {"w20", "w30"}
    report, rows = rows_of(out)
    assert (rows[hosted]["quality"]["n"], rows[hosted]["quality"]["errors"]) == (N_TEST, 0)
    records = Journal(out / "outcomes.jsonl").read()
    mine = [r for r in records if isinstance(r, OutcomeRecord) and r.strategy == hosted]
    assert len(mine) == N_TEST + 2
    assert verify(out) == []


def test_a_misspelt_model_is_told_before_anything_runs(server, tmp_path) -> None:
    task, out = tmp_path / "task.json", tmp_path / "out"
    task.write_text(json.dumps(spec(model=["team-gpt", "team-gtp"])))
    said = tuneworth("compare", task, "--out", out, "--yes")
    assert said.exit_code == 2
    assert "team-gtp" in said.output
    assert not server.asked
    assert not out.exists()


def test_nothing_paid_starts_over_http_without_consent(server, tmp_path) -> None:
    options = {"strategies": ["baseline.majority", "prompt.zero-shot"]}
    with client_of(tmp_path / "data") as client:
        sent = client.post(f"{API}/tasks", json=spec(model="team-gpt"))
        address = f"{sent.headers['Location']}/comparisons"
        refused = client.post(address, json=options)
        assert refused.status_code == 422
        problem = refused.json()
        assert problem["type"] == "urn:tuneworth:problem:cost-not-accepted"
        usd = problem["quote"]["paid_usd"]
        assert usd > 0
        assert [row["id"] for row in problem["quote"]["rows"]] == options["strategies"]
        (wrong,) = problem["errors"]
        assert (wrong["field"], wrong["value"]) == ("accept_cost_usd", "None")
        enough = float(re.search(r"again with ([\d.]+) or more", wrong["fix"])[1])
        assert usd <= enough < usd + 1e-6

        for accepted, status in (
            (usd / 2, 422),
            (-1, 422),
            ("yes", 422),
            (enough, 202),
            (usd, 202),
        ):
            reply = client.post(address, json={**options, "accept_cost_usd": accepted})
            assert reply.status_code == status, accepted
        assert reply.json()["options"]["accept_cost_usd"] == usd
        free = client.post(address, json={"strategies": ["baseline.majority"]})
        assert free.status_code == 202
        fewer = client.post(address, json={**options, "limit": 6}).json()
        assert fewer["quote"]["paid_usd"] < usd
    assert not server.asked


def test_the_worker_spends_no_more_than_was_accepted(server, tmp_path) -> None:
    given = [{"id": "r12", "output": "red"}]
    task = spec(model=["team-gpt"], strategies=["prompt.zero-shot"], incumbent=given)
    with client_of(tmp_path / "data") as client:
        at = services_of(client)
        place = client.post(f"{API}/tasks", json=task).headers["Location"]
        comparisons = [start(client, place, accept_cost_usd=1.0) for _ in range(2)]
        prices = tmp_path / "prices.yaml"  # become others while it waits
        told = prices.read_text()
        prices.write_text(told.replace("1.0", "1e5").replace("10.0", "1e6"))
        do_all(at, key_of(comparisons[0]))
        failed = ended(client, comparisons[0])
        assert failed["error"]["type"] == "urn:tuneworth:problem:cost-not-accepted"
        assert not server.asked
        prices.write_text(told)
        do_all(at, key_of(comparisons[1]))
        assert ended(client, comparisons[1])["state"] == "completed"
        _, rows = rows_of(as_folder(at, key_of(comparisons[1]), tmp_path / "run"))
    assert rows["prompt.zero-shot"]["quality"]["value"] == 1.0
    assert (rows["incumbent"]["quality"]["n"], rows["incumbent"]["quality"]["errors"]) == (1, 23)


def test_a_posted_incumbent_comes_inline(tmp_path) -> None:
    with client_of(tmp_path) as client:
        for incumbent, field in (
            ("answers.jsonl", "incumbent"),
            ([{"id": "r1", "output": "red"}], "incumbent"),
            ([{"id": "r12", "output": "red"}] * 2, "incumbent[1].id"),
        ):
            reply = client.post(f"{API}/tasks", json=spec(incumbent=incumbent))
            assert reply.status_code == 422
            assert reply.json()["errors"][0]["field"] == field
        good = spec(incumbent=[{"id": "r12", "output": "red", "latency_ms": 3.5}])
        assert client.post(f"{API}/tasks", json=good).status_code == 201


def test_a_whole_comparison_over_http_with_its_database_on_postgresql(
    server, postgres, tmp_path
) -> None:
    task = spec(model=["team-gpt"], strategies=["baseline.majority", "prompt.zero-shot"])
    with client_of(postgres) as client, worker_on(postgres, ("-m", "service.worker")):
        place = client.post(f"{API}/tasks", json=task).headers["Location"]
        comparison = start(client, place, accept_cost_usd=1.0)
        wait_until(lambda: client.get(comparison).json()["progress"]["fraction"] > 0, 120)
        end = wait_until(lambda: ended(client, comparison), 120)
        assert end["state"] == "completed", end
        assert client.get(f"{comparison}/report.html").status_code == 200
        changed = client.post(f"{comparison}/what-if", json={"requests_per_month": 1000})
        assert changed.status_code == 200
        folder = as_folder(services_of(client), end["id"], tmp_path / "run")
        report, rows = rows_of(folder)
        assert client.get(f"{comparison}/report.json").json() == report
        assert rows["prompt.zero-shot"]["quality"]["value"] == 1.0
        assert verify(folder) == []
        assert client.delete(place).status_code == 204
        assert not postgres.comparison_folder(end["id"]).exists()
        assert stored(services_of(client), end["id"]) == []
