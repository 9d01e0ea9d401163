"""What is deployed: held against rules, and started as it says, without containers."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
ON_TOP = sorted(ROOT.glob("compose.*.yaml"))
"""Files that are given to compose behind the first one."""
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "tuneworth.service").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"TUNEWORTH_[A-Z_]*[A-Z]")
TUNEWORTH = (sys.executable, "-c", "from service.cli import main; main()")


def instructions() -> list[tuple[str, str]]:
    """Those of the Containerfile, lines put together."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line]  # type: ignore[misc]


def merged(under: Any, over: Any) -> Any:
    """As compose lays one file over another: mappings by key, lists one behind the other."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: merged(under.get(key), value) for key, value in over.items()}}
    return under + over if isinstance(under, list) and isinstance(over, list) else over


@pytest.fixture(params=[None, *ON_TOP], ids=lambda path: path.name if path else "compose.yaml")
def compose(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The first file, alone and under each of the others."""
    if request.param is None:
        return dict(COMPOSE)
    return dict(merged(COMPOSE, yaml.safe_load(request.param.read_text(encoding="utf-8"))))


def ours(compose: dict[str, Any]) -> list[dict[str, Any]]:
    """The services that run our own image."""
    return [one for one in compose["services"].values() if one["image"].startswith("tuneworth:")]


def test_no_image_floats(compose) -> None:
    images = [service["image"] for service in compose["services"].values()]
    [argument] = [rest for name, rest in instructions() if name == "ARG"]
    tags = dict([argument.split("=")])
    for name, rest in instructions():
        if name == "FROM":
            images.append(rest.split(" AS ")[0].replace("${PYTHON}", tags["PYTHON"]))
    assert len(images) >= 4
    for image in images:
        _, _, tag = image.partition(":")
        assert tag
        assert tag != "latest"


def test_nothing_runs_as_root_or_with_more_than_it_needs(compose) -> None:
    for service in compose["services"].values():
        assert service["user"].split(":")[0] not in ("0", "root")
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service
    users = [rest for name, rest in instructions() if name == "USER"]
    assert users == ["10001:10001"]
    assert "User=tuneworth" in UNIT


def test_every_service_has_a_health_check_and_time_to_stop(compose) -> None:
    for name, service in compose["services"].items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert int(service["stop_grace_period"].rstrip("s")) >= 35
        assert service["restart"] == "unless-stopped"
    assert "HEALTHCHECK" in dict(instructions())
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[0]) >= 35


def test_the_checks_name_what_exists(compose) -> None:
    checks = [service["healthcheck"]["test"][1:] for service in ours(compose)]
    checks.append(json.loads(dict(instructions())["HEALTHCHECK"].split("CMD", 1)[1]))
    for command in checks:
        if command[0] == "entrypoint.sh":  # without it a secret from a file is not seen
            command = command[1:]
        assert command[0] == "python"
        if command[1] == "-m":
            assert (ROOT / f"{command[2].replace('.', '/')}.py").exists()
        else:
            compile(command[2], "check", "exec")
            assert "/health" in command[2]


def test_secrets_have_names_and_come_from_files(compose) -> None:
    used = {name for service in compose["services"].values() for name in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    for secret in compose["secrets"].values():
        assert set(secret) == {"file"}
        assert secret["file"].startswith("./deploy/secrets/")
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    for service in compose["services"].values():
        for name, value in service["environment"].items():
            if re.search("KEY|PASSWORD|SECRET|TOKEN", name):
                assert name.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in used


def test_every_variable_is_one_that_is_read(compose) -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for place in ("corpora", "strategies", "benchmarks", "service")
        for path in (ROOT / place).rglob("*.py")
    )
    known = set(VARIABLE.findall(code))
    for text in (CONTAINERFILE, UNIT, OPERATIONS):
        assert set(VARIABLE.findall(text)) <= known
    for service in ours(compose):
        assert {name.removesuffix("_FILE") for name in service["environment"]} <= known | {
            "PROVIDER_KEY"  # as deploy/models.yaml names it
        }
        told = {name: str(value) for name, value in service["environment"].items()}
        settings = Settings.from_environment(told)  # raises where a value is wrong
        assert settings.data == Path("/data/service")
        assert settings.log == "json"


def test_the_image_copies_what_exists_and_starts_what_exists(tmp_path) -> None:
    for name, rest in instructions():
        if name == "COPY" and "--from" not in rest:
            *sources, _ = [part for part in rest.split() if not part.startswith("--")]
            assert all((ROOT / source).exists() for source in sources), rest
    told = dict(instructions())
    assert json.loads(told["ENTRYPOINT"]) == ["entrypoint.sh", "tuneworth"]
    commands = [json.loads(told["CMD"]), *(one["command"] for one in COMPOSE["services"].values())]
    unit = re.findall(r"^ExecStart=/opt/tuneworth/bin/tuneworth (.*)$", UNIT, re.MULTILINE)
    commands += [shlex.split(unit[0])]
    assert len(commands) == 4
    for command in commands:
        ran = subprocess.run([*TUNEWORTH, *command, "--help"], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr


def test_a_variable_may_come_from_a_file(tmp_path) -> None:
    entry = str(ROOT / "deploy" / "entrypoint.sh")
    secret = tmp_path / "key"
    secret.write_text("s3 cret$(boom)\n")
    environment = {"PATH": os.environ["PATH"], "TEAM_KEY_FILE": str(secret)}
    shown = subprocess.run([entry, "env"], env=environment, capture_output=True, text=True)
    assert "TEAM_KEY=s3 cret$(boom)" in shown.stdout.splitlines()
    assert "TEAM_KEY_FILE" not in shown.stdout
    environment["TEAM_KEY_FILE"] = str(tmp_path / "nothing")
    refused = subprocess.run([entry, "env"], env=environment, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "TEAM_KEY_FILE" in refused.stderr


def test_systemd_takes_the_unit(tmp_path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("there is no systemd-analyze")
    unit = tmp_path / "tuneworth.service"
    # of an installation it is true that the program and its user exist
    unit.write_text(
        UNIT.replace("/opt/tuneworth/bin/tuneworth", sys.executable)
        .replace("User=tuneworth", "User=root")
        .replace("Group=tuneworth", "Group=root")
    )
    ran = subprocess.run([verify, "verify", str(unit)], capture_output=True, text=True)
    said = [line for line in ran.stderr.splitlines() if "tuneworth" in line]
    assert said == [], ran.stderr


def commands(name: str) -> str:
    """The tested block of that name in the page on running the service."""
    found = re.findall(rf"<!-- tested: {name} -->\n```sh\n(.*?)```", OPERATIONS, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def wait_for(address: str, status: int, seconds: float = 60.0) -> httpx.Response:
    end = time.monotonic() + seconds
    while True:
        reply = httpx.get(address, timeout=10)
        if reply.status_code == status:
            return reply
        assert time.monotonic() < end, reply.text
        time.sleep(0.1)


class Processes:
    """The services of compose.yaml as plain processes on one data folder."""

    def __init__(self, data: Path) -> None:
        self.environment = {**os.environ, "TUNEWORTH_DATA": str(data), "TUNEWORTH_PORT": "0"}
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.url = ""

    def start(self, name: str) -> None:
        command = [*TUNEWORTH, *COMPOSE["services"][name]["command"]]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.running[name] = process
        if name == "api":
            assert process.stdout is not None
            self.url = process.stdout.readline().split()[3]

    def stop(self, name: str) -> int:
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(40)


@pytest.fixture
def processes(tmp_path) -> Iterator[Processes]:
    made = Processes(tmp_path / "data")
    yield made
    for process in made.running.values():
        process.kill()
        process.wait()


def task() -> dict[str, Any]:
    rows = [
        {"id": str(n), "input": f"mail number {n}", "output": ("billing", "other")[n % 2]}
        for n in range(12)
    ]
    told = "Classify the customer's mail into exactly one category."
    return {"name": "mails", "kind": "classification", "instruction": told, "examples": rows}


def test_the_topology_works_and_comes_back_from_a_backup(processes, tmp_path) -> None:
    processes.start("api")
    url = processes.url
    assert httpx.get(f"{url}/health").json() == {"status": "ok"}
    assert httpx.get(f"{url}/ready").json()["errors"][0]["field"] == "worker"
    processes.start("worker")
    wait_for(f"{url}/ready", 200)
    made = httpx.post(f"{url}/api/v1/tasks", json=task()).headers["Location"]
    wanted = {"strategies": ["baseline.majority"]}
    place = httpx.post(f"{url}{made}/comparisons", json=wanted).headers["Location"]
    with httpx.stream("GET", f"{url}{place}/events", timeout=60) as events:
        told = [line for line in events.iter_lines() if line.startswith("event: ")]
    assert told[-1] == "event: end"
    report = httpx.get(f"{url}{place}/report.json").json()
    assert report["schema"] == "tuneworth.report/1"
    assert "tuneworth_samples_answered_total" in httpx.get(f"{url}/metrics").text

    told_where = {**processes.environment, "BACKUP": str(tmp_path / "backup")}
    subprocess.run(["sh", "-euc", commands("backup")], env=told_where, check=True)
    assert processes.stop("worker") == 0
    assert processes.stop("api") == 0
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "data").mkdir()
    subprocess.run(["sh", "-euc", commands("restore")], env=told_where, check=True)
    processes.start("api")
    assert httpx.get(f"{processes.url}{place}").json()["state"] == "completed"
    assert httpx.get(f"{processes.url}{place}/report.json").json() == report
