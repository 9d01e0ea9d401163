"""The part `secrets`: what is planted as a secret appears in no report, reply, log, error or row.

A comparison runs against an endpoint that sends the key back, in its errors and in its texts.
Then everything is searched that the service wrote or said.
"""

import io
import json
import secrets
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from benchmarks.errors import BenchmarkError
from benchmarks.speed.checks import BenchCheck, at_least, at_most
from benchmarks.speed.sheet import Measurement
from service.reliability.attacks.serving import TASKS, spec
from service.reliability.bench import Bench
from service.reliability.server import serving, working
from service.settings import Settings

NAME = "secrets"
COVERS = "a provider's key and a file of the machine, searched for in all that was written and said"
MODEL, VARIABLE = "planted-endpoint", "PLANTED_KEY"
TASK = "mails of the planted kind"
"""Its name must be found, so that it is seen that the search finds things."""
SECONDS = 180.0
FORMS = ("", "/report.json", "/report.md", "/report.html", "/artifacts/prompt.zero-shot")


def measure(bench: Bench) -> None:
    if bench.sheet.has(NAME, "planted", 0):
        return
    began = time.monotonic()
    place = bench.place / NAME
    place.mkdir()
    planted = {name: secrets.token_hex(20) for name in ("provider key", "file")}
    said = run_with(planted, place)
    searched = {**said, **written(place)}
    found = {
        name: sorted(where for where, data in searched.items() if value.encode() in data)
        for name, value in {**planted, "task": TASK}.items()
    }
    seen = found.pop("task")
    # the planted file itself lies there, and is no place of the service's
    found = {name: places for name, places in found.items() if places}
    facts = {"places": len(searched), "found": found, "task_found": len(seen)}
    bench.sheet.add(Measurement(NAME, "planted", 0, time.monotonic() - began, facts))
    bench.say(
        f"  {len(searched)} places searched, the task found in {len(seen)}: {found or 'none'}"
    )


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    """`task_found` shows that what is there is found: in rows, files and replies."""
    facts = rows[-1].facts
    return [
        at_most("secrets_found", sum(map(len, facts["found"].values())), "places", 0),
        at_least("task_found", facts["task_found"], "places", 3),
    ]


def run_with(planted: Mapping[str, str], place: Path) -> dict[str, bytes]:
    """One comparison and some requests that are wrong; every reply, by its address."""
    secret = place / "key.txt"
    secret.write_text(planted["file"])
    said: dict[str, bytes] = {}
    with echoing() as address:
        models = place / "models.yaml"
        entry = {"base_url": address, "model": "gpt-planted", "api_key_env": VARIABLE}
        models.write_text(json.dumps({MODEL: entry}))
        prices = place / "prices.yaml"
        price = {"input": 1.0, "cached": 1.0, "output": 1.0, "source": "made up", "as_of": "now"}
        prices.write_text(json.dumps({"models": {MODEL: price}}))
        environment = {
            "TUNEWORTH_MODELS": str(models),
            "TUNEWORTH_PRICES": str(prices),
            "TUNEWORTH_CACHE_GB": "0",
            VARIABLE: planted["provider key"],
        }
        data = place / "data"
        with (
            serving(data, environment) as server,
            working(data, environment, log=place / "worker.log") as worker,
            httpx.Client(base_url=server.address, timeout=30.0) as client,
        ):

            def ask(method: str, path: str, **body: Any) -> httpx.Response:
                reply = client.request(method, path, **body)
                said[f"{method} {path} {len(said)}"] = reply.content + str(reply.headers).encode()
                return reply

            strategies = ["baseline.majority", "prompt.zero-shot"]
            good = spec(name=TASK, model=MODEL, strategies=strategies)
            task = ask("POST", TASKS, json=good).headers["Location"]
            for wrong in ({"examples": str(secret)}, {"model": str(secret)}, {"kind": VARIABLE}):
                ask("POST", TASKS, json={**good, **wrong})
            comparison = ask("POST", f"{task}/comparisons", json={"accept_cost_usd": 1e6})
            if comparison.status_code != 202:
                raise BenchmarkError(f"the comparison did not start: {comparison.text}")
            run = comparison.headers["Location"]
            end = time.monotonic() + SECONDS
            while ask("GET", run).json()["state"] in ("queued", "running"):
                if time.monotonic() > end:
                    raise BenchmarkError(f"the comparison did not end within {SECONDS:.0f} s")
                time.sleep(0.5)
            for form in FORMS:
                ask("GET", run + form)
            for path in ("/schema/openapi.json", "/ready", TASKS, f"{run}/events"):
                ask("GET", path)
            said |= titles(server.process.pid, worker.process.pid)
    secret.unlink()
    models.unlink()
    return said


def titles(*processes: int) -> dict[str, bytes]:
    """How processes are called, for everybody on the machine to see."""
    places = [Path(f"/proc/{process}/cmdline") for process in processes]
    return {str(place): place.read_bytes() for place in places if place.exists()}


def written(place: Path) -> dict[str, bytes]:
    """Every file below the folder, what zip files hold, and every row of every table."""
    found: dict[str, bytes] = {}
    for path in sorted(place.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(place))] = data = path.read_bytes()
            if zipfile.is_zipfile(io.BytesIO(data)):
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    for name in archive.namelist():
                        found[f"{path.name}/{name}"] = archive.read(name)
    engine = sa.create_engine(Settings(place / "data").database_url)
    with engine.connect() as connection:
        for table in sa.inspect(engine).get_table_names():
            rows = connection.execute(sa.text(f'SELECT * FROM "{table}"')).all()
            found[f"table {table}"] = repr(rows).encode()
    engine.dispose()
    return found


class _Echo(BaseHTTPRequestHandler):
    """Sends the key back: in the text of a mail with an even number, else in an error."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Authorization"]
        text = body["messages"][-1]["content"]
        number = int("0" + "".join(sign for sign in text[-4:] if sign.isdigit()))
        if number % 2:
            self.send(401, {"error": {"message": f"Wrong key {key}.", "code": key}})
            return
        message = {"role": "assistant", "content": f"billing {key}"}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
        self.send(200, {"id": "1", "choices": choices, "usage": usage})

    def send(self, status: int, body: object) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Nothing: the standard error is the benchmark's."""


@contextmanager
def echoing() -> Iterator[str]:
    """The address of such an endpoint."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
