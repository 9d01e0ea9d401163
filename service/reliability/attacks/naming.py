"""Attacks by a name in a spec or an address: files, folders, models and hosts of this machine."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from service.reliability.attacks.attack import Attack, nothing
from service.reliability.attacks.serving import client, extraction, refused, spec, submitted


def spec_path(folder: Path) -> str:
    """A file beside the server's own as the rows of a task."""
    from service.specs import dataset_from

    rows = [json.dumps(row) for row in spec()["examples"]]
    (folder / "secret.jsonl").write_text("\n".join(rows))
    os.chdir(folder)
    return f"read {len(dataset_from(spec(examples='secret.jsonl')).test)} rows of a file"


def model_folder(folder: Path) -> str:
    (folder / "weights").mkdir()
    return refused(submitted(folder, model=str(folder / "weights")), 422, "model")


def model_url(folder: Path) -> str:
    return refused(submitted(folder, model="http://169.254.169.254/latest"), 422, "model")


def model_of_hub(folder: Path) -> str:
    return refused(submitted(folder, model="somebody/weights"), 422, "model")


def reranker_of_hub(folder: Path) -> str:
    return refused(submitted(folder, reranker="somebody/encoder"), 422, "reranker")


def path_in_url(folder: Path) -> str:
    """Two dots as the id of a comparison, for what lies above the comparisons."""
    (folder / "report.json").write_text('{"a": "secret"}')
    (folder / "comparisons").mkdir()
    with client(folder) as one:
        reply = one.get("/api/v1/comparisons/%2e%2e/report.json")
    return refused(reply, 404)


class _Inner(BaseHTTPRequestHandler):
    """Stands for a service that only this machine can reach."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"type": "object"}')

    def log_message(self, *_: Any) -> None:
        """Nothing: the standard error belongs to whoever tries the attack."""


def schema_by_url(folder: Path) -> str:
    """A JSON Schema that refers to an address behind the server."""
    from service.specs import check_spec

    server = HTTPServer(("127.0.0.1", 0), _Inner)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/schema.json"
    schema = {"type": "object", "properties": {"a": {}}, "allOf": [{"$ref": address}]}
    check_spec(extraction(schema, {"a": 1}))
    return f"the server asked {address} {_Inner.asked} times"


def fetching_registry() -> Any:
    """Follows references to wherever they lead."""

    def fetch(address: str) -> Any:
        with urlopen(address) as reply:
            return Resource.from_contents(json.load(reply), default_specification=DRAFT202012)

    return Registry(retrieve=fetch)  # type: ignore[call-arg]


ATTACKS = (
    Attack("spec-path", spec_path, {"corpora.spec:_refuse_paths": nothing}),
    Attack(
        "spec-folder",
        model_folder,
        {"service.specs:_check_allowed": nothing, "corpora.spec:_refuse_paths": nothing},
    ),
    Attack(
        "spec-url",
        model_url,
        {"service.specs:_check_allowed": nothing, "corpora.spec:_refuse_paths": nothing},
    ),
    Attack("spec-model", model_of_hub, {"service.specs:_check_allowed": nothing}),
    Attack("spec-reranker", reranker_of_hub, {"service.specs:_check_allowed": nothing}),
    Attack(
        "ssrf-spec",
        schema_by_url,
        {
            "corpora.spec:_check_schema": nothing,
            "corpora.schema_judge:Registry": fetching_registry,
        },
    ),
    Attack(
        "path-in-url",
        path_in_url,
        {"service.store:Store.comparison": lambda *_: SimpleNamespace(state="completed")},
    ),
)
