"""The part `secrets`: what is planted as a secret appears in no report, reply, log, error or row.

A comparison runs on PostgreSQL against an endpoint that sends the key back, in its errors and in
its texts; wrong requests are sent, and the database goes away for a moment. Then everything is
searched that the service wrote or said.
"""

import io
import json
import secrets
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg
import sqlalchemy as sa

from benchmarks.errors import BenchmarkError
from benchmarks.speed.checks import BenchCheck, at_least, at_most
from benchmarks.speed.sheet import Measurement
from service.keys import Limits, open_keys
from service.reliability.attacks.serving import TASKS, spec
from service.reliability.bench import Bench
from service.reliability.postgres import Cluster
from service.reliability.server import WORK, Program, serving, working
from service.settings import Settings

NAME = "secrets"
COVERS = "keys, a password and a file of the machine, searched for in all that was written and said"
MODEL, VARIABLE = "planted-endpoint", "PLANTED_KEY"
TASK = "mails of the planted kind"
"""Its name must be found, so that it is seen that the search finds things."""
SECONDS = 180.0
FORMS = ("", "/report.json", "/report.md", "/report.html", "/artifacts/prompt.zero-shot")
OTHERS = ("/schema/openapi.json", "/ready", "/metrics", TASKS)
ROLE = "planted"
OWN = ("information_schema", "pg_catalog", "pg_toast")
"""Schemas of the database's own."""
Ask = Callable[..., httpx.Response]


def measure(bench: Bench) -> None:
    if bench.sheet.has(NAME, "planted", 0):
        return
    began = time.monotonic()
    place = bench.place / NAME
    place.mkdir()
    names = ("provider key", "file", "database password")
    planted = {name: secrets.token_hex(20) for name in names}
    cluster = Cluster()
    try:
        url = database_of(cluster, planted["database password"])
        planted["API key"], said = run_with(planted, place, cluster, url)
        settings = Settings(place / "data", postgres=url)
        searched = {**said, **written(place, settings.database_url)}
    finally:
        cluster.remove()
    found = {
        name: sorted(where for where, data in searched.items() if value.encode() in data)
        for name, value in {**planted, "task": TASK}.items()
    }
    seen = found.pop("task")
    # the planted file itself lies there, and is no place of the service's
    found = {name: places for name, places in found.items() if places}
    facts = {"planted": len(planted), "places": len(searched), "found": found}
    facts |= {"task_found": len(seen)}
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


def database_of(cluster: Cluster, password: str) -> str:
    """The URL of a new database of a user with this password."""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{password}'".encode())
        connection.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}".encode())
    return f"postgresql://{ROLE}:{password}@127.0.0.1:{cluster.port}/{ROLE}"


def run_with(
    planted: Mapping[str, str], place: Path, cluster: Cluster, url: str
) -> tuple[str, dict[str, bytes]]:
    """A comparison and some requests that are wrong: the secret of the API key that was used,
    and every reply by its address."""
    secret, data = place / "key.txt", place / "data"
    secret.write_text(planted["file"])
    said: dict[str, bytes] = {}
    settings = Settings(data, postgres=url)
    with open_keys(settings) as keys:
        _, key = keys.add("ada", ["read", "run"], Limits(usd_per_month=1e7))
    with echoing() as address:
        environment = {**configured(place, address), VARIABLE: planted["provider key"]}
        environment["TUNEWORTH_DATABASE_URL"] = url
        with (
            serving(data, environment) as server,
            working(data, environment, log=place / "worker.log") as worker,
            httpx.Client(base_url=server.address, timeout=30.0) as client,
        ):
            client.headers["Authorization"] = f"Bearer {key}"

            def ask(method: str, path: str, **body: Any) -> httpx.Response:
                reply = client.request(method, path, **body)
                said[f"{method} {path} {len(said)}"] = reply.content + str(reply.headers).encode()
                return reply

            run = compared(ask, str(secret))
            for path in (*(run + form for form in FORMS), *OTHERS, f"{run}/events"):
                ask("GET", path)
            ask("GET", TASKS, headers={"Authorization": f"Bearer {key[:-1]}"})
            cluster.kill()
            for path in (run, f"{run}/report.json", *OTHERS):
                ask("GET", path)
            cluster.start()
            said |= titles(server, worker)
    said["a URL of another kind"] = refused_url(place, url)
    secret.unlink()
    (place / "models.yaml").unlink()
    return key.split("_", 2)[2], said


def configured(place: Path, address: str) -> dict[str, str]:
    """The endpoint by its name, and its price."""
    models, prices = place / "models.yaml", place / "prices.yaml"
    entry = {"base_url": address, "model": "gpt-planted", "api_key_env": VARIABLE}
    models.write_text(json.dumps({MODEL: entry}))
    price = {"input": 1.0, "cached": 1.0, "output": 1.0, "source": "made up", "as_of": "now"}
    prices.write_text(json.dumps({"models": {MODEL: price}}))
    return {
        "TUNEWORTH_MODELS": str(models),
        "TUNEWORTH_PRICES": str(prices),
        "TUNEWORTH_CACHE_GB": "0",
    }


def compared(ask: Ask, secret: str) -> str:
    """The address of a comparison that has ended; wrong requests are sent before."""
    good = spec(name=TASK, model=MODEL, strategies=["baseline.majority", "prompt.zero-shot"])
    task = ask("POST", TASKS, json=good).headers["Location"]
    for wrong in ({"examples": secret}, {"model": secret}, {"kind": VARIABLE}):
        ask("POST", TASKS, json={**good, **wrong})
    comparison = ask("POST", f"{task}/comparisons", json={"accept_cost_usd": 1e6})
    if comparison.status_code != 202:
        raise BenchmarkError(f"the comparison did not start: {comparison.text}")
    run: str = comparison.headers["Location"]
    end = time.monotonic() + SECONDS
    while ask("GET", run).json()["state"] in ("queued", "running"):
        if time.monotonic() > end:
            raise BenchmarkError(f"the comparison did not end within {SECONDS:.0f} s")
        time.sleep(0.5)
    return run


def refused_url(place: Path, url: str) -> bytes:
    """What a worker says that is given the password in a URL that is wrong."""
    wrong = {"TUNEWORTH_DATABASE_URL": url.replace("postgresql", "mysql", 1)}
    worker = Program(WORK, place / "refused", wrong, place / "refused.log")
    worker.start()
    try:
        worker.process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        raise BenchmarkError("a worker took a URL of another kind") from None
    return worker.log.read_bytes()


def titles(*programs: Program) -> dict[str, bytes]:
    """How processes are called, for everybody on the machine to see."""
    places = [
        Path(f"/proc/{process.pid}/cmdline") for one in programs for process in one.everyone()
    ]
    return {str(place): place.read_bytes() for place in places if place.exists()}


def written(place: Path, url: str) -> dict[str, bytes]:
    """Every file below the folder, what zip files hold, and every row of every table."""
    found: dict[str, bytes] = {}
    for path in sorted(place.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(place))] = data = path.read_bytes()
            if zipfile.is_zipfile(io.BytesIO(data)):
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    for name in archive.namelist():
                        found[f"{path.name}/{name}"] = archive.read(name)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        look = sa.inspect(engine)
        for schema in [one for one in look.get_schema_names() if one not in OWN]:
            for table in look.get_table_names(schema):
                rows = connection.execute(sa.text(f'SELECT * FROM "{schema}"."{table}"')).all()
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
