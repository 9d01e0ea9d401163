"""Reports and artefacts over HTTP, from a store and from folders of older versions."""

import errno
import io
import os
import secrets
import zipfile

import pytest
from serving import API, client_of, start, submit
from stores import FileServer, Trouble

from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import SetupRecord
from service.files import Files, key_of
from service.settings import Settings
from service.storage import ComparisonRow, ForecastRow

FORMS = {
    "report.json": ("application/json", '{"schema": 1}'),
    "report.md": ("text/markdown; charset=utf-8", "# Report"),
    "report.html": ("text/html; charset=utf-8", "<!doctype html>"),
}


@pytest.fixture(params=["data", "server"])
def store(request):
    """The setting; None for the data folder."""
    return None if request.param == "data" else f"server://{secrets.token_hex(8)}"


@pytest.fixture
def client(tmp_path, store):
    with client_of(Settings(tmp_path / "data", store=store)) as client:
        yield client


def completed(client, address: str, table=ComparisonRow) -> str:
    """Its id."""
    id_ = address.rsplit("/", 1)[-1]
    with client.app.state.services.store.begin() as session:
        row = session.get(table, id_)
        row.state, row.revision = "completed", row.revision + 1
    return id_


@pytest.fixture
def done(client, tmp_path):
    """The address and the id of a completed comparison, with its reports in the store."""
    address = start(client, submit(client))
    id_ = completed(client, address)
    files = client.app.state.services.files
    for name, (_, text) in FORMS.items():
        files.put(key_of("comparisons", id_, name), text.encode())
    folder = tmp_path / "data" / "comparisons" / id_
    folder.mkdir(parents=True, exist_ok=True)
    return address, id_


def saved(tmp_path, id_: str, artifact: str) -> None:
    """Note what a strategy saved."""
    journal = Journal(tmp_path / "data" / "comparisons" / id_ / JOURNAL)
    journal.append([SetupRecord(strategy="lora+rag", status="completed", artifact=artifact)])


@pytest.mark.parametrize("name", list(FORMS))
def test_the_forms_of_a_report(client, done, name: str) -> None:
    reply = client.get(f"{done[0]}/{name}")
    media_type, text = FORMS[name]
    assert (reply.status_code, reply.text) == (200, text)
    assert reply.headers["content-type"] == media_type
    assert reply.headers["content-disposition"] == f'inline; filename="{name}"'
    assert reply.headers["content-length"] == str(len(text))
    assert reply.headers["vary"] == "Accept"
    asked = client.get(f"{done[0]}/report", headers={"Accept": media_type.split(";")[0]})
    assert asked.text == text


def test_a_large_artefact_comes_whole(client, done, tmp_path) -> None:
    address, id_ = done
    saved(tmp_path, id_, "artifacts/3-1/lora+rag")
    kept = os.urandom(3 * 2**20 + 7)
    client.app.state.services.files.put(
        key_of("comparisons", id_, "artifacts/3-1/lora+rag.zip"), kept
    )
    reply = client.get(f"{address}/artifacts/lora+rag")
    assert reply.content == kept
    assert reply.headers["content-type"] == "application/zip"
    assert reply.headers["content-disposition"].startswith("attachment; ")
    assert "lora%2Brag.zip" in reply.headers["content-disposition"]
    assert client.get(f"{address}/artifacts/lora").status_code == 404


def test_a_folder_of_an_older_version_comes_as_a_zip(client, done, tmp_path) -> None:
    address, id_ = done
    saved(tmp_path, id_, "artifacts/lora+rag")
    assert client.get(f"{address}/artifacts/lora+rag").status_code == 404, "it is gone"
    folder = tmp_path / "data" / "comparisons" / id_ / "artifacts" / "lora+rag"
    (folder / "index").mkdir(parents=True)
    (folder / "index" / "rows").write_text("some")
    for _ in range(2):
        reply = client.get(f"{address}/artifacts/lora+rag")
        with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
            assert archive.namelist() == ["index/rows"]
    assert [path.name for path in folder.parent.iterdir() if path.name.endswith(".part")] == []


def test_what_was_compared_before_there_was_a_store(client, tmp_path) -> None:
    address = start(client, submit(client))
    id_ = completed(client, address)
    assert client.get(f"{address}/report.json").status_code == 404
    Files(tmp_path / "data").put(key_of("comparisons", id_, "report.json"), b"{}")
    assert client.get(f"{address}/report.json").json() == {}
    assert client.delete(address).status_code == 204
    assert not (tmp_path / "data" / "comparisons" / id_).exists()


def test_what_is_removed_leaves_the_store(client, done) -> None:
    files = client.app.state.services.files
    assert client.delete(done[0]).status_code == 204
    assert files.names(f"comparisons/{done[1]}") == []


def test_a_forecast_shows_what_was_foretold(client) -> None:
    address = client.post(f"{submit(client)}/forecasts").headers["Location"]
    assert client.get(address).json()["forecast"] is None
    assert client.get(f"{address}/report.json").status_code == 409
    files, id_ = client.app.state.services.files, address.rsplit("/", 1)[-1]
    told = b'{"schema": "tuneworth.forecast/1"}'
    files.put(key_of("forecasts", id_, "forecast.json"), told)
    completed(client, address, ForecastRow)
    client.app.state.services.hub.forget(ForecastRow, id_)
    assert client.get(address).json()["forecast"] == {"schema": "tuneworth.forecast/1"}
    assert client.get(f"{address}/report.json").content == told
    assert client.get(f"{address}/report.md").status_code == 404


@pytest.mark.parametrize("store", ["server://away"])
@pytest.mark.parametrize(
    "trouble", [OSError(errno.EIO, "Input/output error"), Trouble("https://user:password@host")]
)
def test_a_store_that_is_away_is_told_without_its_address(
    client, done, monkeypatch, caplog, trouble
) -> None:
    monkeypatch.setattr(FileServer, "trouble", trouble)
    reply = client.get(f"{done[0]}/report.json")
    assert reply.status_code == 503
    assert reply.json()["type"] == "urn:tuneworth:problem:store-away"
    assert reply.headers["retry-after"] == "5"
    assert "password" not in reply.text + caplog.text
    assert f"comparisons/{done[1]}/report.json" in caplog.text
    assert client.get(done[0]).status_code == 200
    monkeypatch.setattr(FileServer, "trouble", None)
    assert client.get(f"{done[0]}/report.json").status_code == 200


@pytest.mark.parametrize("store", ["server://late"])
def test_a_store_that_goes_away_at_the_last_moment(client, done, monkeypatch) -> None:
    looked = Files.exists

    def exists(self, key):
        found = looked(self, key)
        monkeypatch.setattr(FileServer, "trouble", PermissionError(errno.EACCES, "no"))
        return found

    monkeypatch.setattr(Files, "exists", exists)
    assert client.get(f"{done[0]}/report.json").status_code == 503


def test_an_address_is_no_key(client, done) -> None:
    for address in (f"{API}/comparisons/..%2F../report.json", f"{done[0]}/artifacts/..%2F.."):
        assert client.get(address).status_code == 404
