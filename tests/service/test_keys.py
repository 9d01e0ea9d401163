"""API keys: how they are stored, looked up, revoked, and when they are demanded."""

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing

import pytest
from click.testing import CliRunner
from serving import API, client_of, environment, key_for, submit

from corpora.errors import InvalidInput
from service.cli import cli
from service.errors import NoKey
from service.keys import Keyring, Limits, open_keys
from service.settings import Settings

OUTSIDE = {"host": "192.0.2.7"}


def revoke(data, header) -> None:
    with open_keys(Settings(data)) as keys:
        keys.revoke(header["Authorization"].split("_")[1])


def keyring(data) -> Keyring:
    with open_keys(Settings(data)) as keys:
        return Keyring(keys.rows())


def wrong_keys(data) -> dict[str, str]:
    """Every kind of Authorization header that is not to work, by its name."""
    good, gone = key_for(data)["Authorization"], key_for(data)["Authorization"]
    revoke(data, {"Authorization": gone})
    last = "a" if good[-1] != "a" else "b"
    return {
        "none": "",
        "cut": good[:-9],
        "longer": f"{good}a",
        "forged": good[:-1] + last,
        "unknown": good[:10] + "0" * 12 + good[22:],
        "revoked": gone,
        "another scheme": good.replace("Bearer", "Digest"),
    }


def test_a_key_is_stored_hashed(tmp_path) -> None:
    secret = key_for(tmp_path)["Authorization"].split("_", 2)[2]
    with closing(sqlite3.connect(tmp_path / "tuneworth.db")) as database:
        [row] = database.execute("SELECT * FROM keys")
    assert len(secret) == 43
    assert secret not in str(row)
    assert secret.encode() not in (tmp_path / "tuneworth.db").read_bytes()


def test_a_key_tells_whose_it_is_and_what_it_may(tmp_path) -> None:
    header = key_for(tmp_path, "ada", ["read"], per_minute=7, usd_per_month=2.5)["Authorization"]
    found = keyring(tmp_path).caller_of(header)
    assert (found.owner, found.scopes, found.limits) == ("ada", {"read"}, Limits(7, 2.5))
    assert found.key == header.split("_")[1]
    assert found.sees == "ada"
    assert keyring(tmp_path).caller_of(header.replace("Bearer", "bearer")) == found
    header = key_for(tmp_path, "bo", ["admin"])["Authorization"]
    boss = keyring(tmp_path).caller_of(header)
    assert (boss.sees, boss.may("run")) == (None, True)


def test_every_wrong_key_gets_the_same_reply(tmp_path) -> None:
    wrong = wrong_keys(tmp_path)
    with client_of(tmp_path) as client:
        replies = [
            client.get(f"{API}/tasks", headers={"Authorization": sent} if sent else {})
            for sent in wrong.values()
        ]
    assert {reply.status_code for reply in replies} == {401}
    assert {reply.text for reply in replies} == {replies[0].text}
    for reply in replies:
        del reply.headers["X-Request-Id"]  # another one for each request
        assert reply.headers == replies[0].headers
    assert replies[0].headers["www-authenticate"].startswith("Bearer")
    assert replies[0].headers["content-type"] == "application/problem+json"


def test_every_wrong_key_takes_the_same_time(tmp_path) -> None:
    wrong = wrong_keys(tmp_path)
    ring = keyring(tmp_path)

    def once(sent: str) -> float:
        began = time.perf_counter()
        for _ in range(100):
            try:
                ring.caller_of(sent)
            except NoKey:
                continue
        return time.perf_counter() - began

    def spread() -> float:
        taken = {name: [] for name in wrong}
        for _ in range(25):  # in turns, so that a busy machine slows all of them
            for name, sent in wrong.items():
                taken[name].append(once(sent))
        medians = [statistics.median(times) for times in taken.values()]
        return max(medians) / min(medians)

    assert min(spread() for _ in range(3)) < 1.1


def test_a_revoked_key_is_refused_within_a_second(tmp_path) -> None:
    header = key_for(tmp_path)
    with client_of(tmp_path) as client:
        assert client.get(f"{API}/tasks", headers=header).status_code == 200
        revoke(tmp_path, header)
        began = time.monotonic()
        while client.get(f"{API}/tasks", headers=header).status_code == 200:
            assert time.monotonic() - began < 1
            time.sleep(0.02)
        assert client.get(f"{API}/tasks", headers=header).status_code == 401


def test_no_key_is_demanded_before_there_is_one_and_ever_after(tmp_path) -> None:
    with client_of(tmp_path) as client:
        task = submit(client)
        assert client.get(task).status_code == 200
        header = key_for(tmp_path, "boss", ["admin"])
        began = time.monotonic()
        while client.get(task).status_code == 200:
            assert time.monotonic() - began < 1
            time.sleep(0.02)
        assert client.get(task, headers=header).status_code == 200  # what was made before
        revoke(tmp_path, header)
    with client_of(tmp_path) as client:
        assert client.get(f"{API}/tasks").status_code == 401


def why_not_served(data, **settings) -> str:
    """What the application says where it does not start; the framework bundles what it raises."""
    with pytest.raises(ExceptionGroup) as caught, client_of(data, **settings):
        pass
    [error] = caught.value.exceptions
    assert isinstance(error, InvalidInput)
    return str(error)


@pytest.mark.parametrize("settings", [OUTSIDE, {"hosts": ("tuneworth.example",)}])
def test_a_server_that_others_reach_needs_a_key(tmp_path, settings) -> None:
    assert "keys add" in why_not_served(tmp_path, **settings)
    header = key_for(tmp_path)
    with client_of(tmp_path, **settings) as client:
        assert client.get(f"{API}/tasks").status_code == 401
        assert client.get(f"{API}/tasks", headers=header).status_code == 200
        assert client.get("/health").status_code == 200
    revoke(tmp_path, header)
    assert "no API key is in force" in why_not_served(tmp_path, **settings)


def test_the_command_refuses_to_serve_others_without_a_key(tmp_path) -> None:
    names = {"TUNEWORTH_HOST": "0.0.0.0", "TUNEWORTH_HOSTS": "tuneworth.example"}
    code = "from service.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--port", "0"]
    said = subprocess.run(
        command, env=environment(tmp_path, **names), capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 2
    assert "tuneworth keys add NAME" in " ".join(said.stderr.split())
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"TUNEWORTH_HOST": "0.0.0.0"}, "TUNEWORTH_HOSTS"),
        ({"TUNEWORTH_HOST": "example.com"}, "TUNEWORTH_HOST"),
        ({"TUNEWORTH_HOSTS": "https://example.com"}, "TUNEWORTH_HOSTS"),
        ({"TUNEWORTH_HOSTS": "example.com:8000"}, "TUNEWORTH_HOSTS"),
    ],
)
def test_wrong_names_of_the_server(variables, field) -> None:
    with pytest.raises(InvalidInput) as caught:
        Settings.from_environment(variables)
    assert caught.value.field == field


def tuneworth(data, *arguments: str):
    return CliRunner().invoke(cli, ["keys", *arguments, "--data", str(data)])


def test_the_command_makes_lists_and_revokes_keys(tmp_path) -> None:
    said = tuneworth(tmp_path, "add", "ada", "--scopes", "run", "--usd-per-month", "20")
    text = said.stdout.strip()
    assert said.exit_code == 0
    found = keyring(tmp_path).caller_of(f"Bearer {text}")
    assert (found.owner, found.scopes, found.limits) == ("ada", {"run"}, Limits(600, 20.0))
    [listed] = json.loads(tuneworth(tmp_path, "list", "--json").stdout)
    assert (listed["id"], listed["name"], listed["revoked_at"]) == (found.key, "ada", None)
    secret = text.split("_", 2)[2]
    assert secret not in str(listed)
    assert secret not in tuneworth(tmp_path, "list").stdout
    assert tuneworth(tmp_path, "revoke", found.key).exit_code == 0
    [listed] = json.loads(tuneworth(tmp_path, "list", "--json").stdout)
    assert listed["revoked_at"] is not None
    with pytest.raises(NoKey):
        keyring(tmp_path).caller_of(f"Bearer {text}")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory):
    """A data folder without a key."""
    return tmp_path_factory.mktemp("empty")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("add", "Ada Lovelace"), "NAME"),
        (("add", "ada", "--scopes", "read,write"), "scopes"),
        (("add", "ada", "--per-minute", "0"), "per-minute"),
        (("add", "ada", "--usd-per-month", "-1"), "usd-per-month"),
        (("add", "ada", "--usd-per-month", "nan"), "usd-per-month"),
        (("revoke", "nothing"), "ID"),
    ],
)
def test_wrong_arguments_make_no_key(empty, arguments, field) -> None:
    said = tuneworth(empty, *arguments)
    assert said.exit_code == 2
    assert f"{field} is wrong" in said.stderr
    with open_keys(Settings(empty)) as keys:
        assert keys.rows() == []
