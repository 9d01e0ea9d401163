"""Attacks by the request itself: its headers, its size, and how much it holds."""

from pathlib import Path
from typing import Any

from service.posting import Post
from service.reliability.attacks.attack import Attack, nothing
from service.reliability.attacks.serving import TASKS, client, refused, spec, submitted

WITHOUT = 10**12
"""In the place of a limit."""


def header(folder: Path) -> str:
    """A key that ends its line and begins a header of its own."""
    with client(folder) as one:
        key = "a\r\nSet-Cookie: planted=1"
        return refused(one.post(TASKS, json=spec(), headers={"Idempotency-Key": key}), 400)


def read_any_post(request: Any, body: bytes, owner: str | None) -> Post:
    operation = f"{request.method} {request.url.path}"
    return Post(operation, body, request.headers.get("Idempotency-Key"), owner)


def foreign_host(folder: Path) -> str:
    """What a page sends whose own host name was made to point here."""
    with client(folder) as one:
        return refused(one.get(TASKS, headers={"Host": "evil.example"}), 421)


def big_body(folder: Path) -> str:
    with client(folder) as one:
        body = b"{" + b" " * 33 * 2**20 + b'"name": 1}'
        reply = one.post(TASKS, content=body, headers={"Content-Type": "application/json"})
    return refused(reply, 413)


def big_input(folder: Path) -> str:
    rows = spec()["examples"]
    rows[3]["input"] = "mail " * 250_000
    return refused(submitted(folder, examples=rows), 422, "examples[3].input")


def big_output(folder: Path) -> str:
    rows = spec()["examples"]
    for row in rows[::2]:
        row["output"] = "billing " * 20_000 + "."
    return refused(submitted(folder, examples=rows), 422, "examples[0].output")


def many_rows(folder: Path) -> str:
    rows = [{"input": f"mail {n}", "output": ("billing", "other")[n % 2]} for n in range(200_001)]
    return refused(submitted(folder, examples=rows), 422, "examples")


def many_documents(folder: Path) -> str:
    documents = [{"id": str(n), "text": "a"} for n in range(100_001)]
    return refused(submitted(folder, documents=documents), 422, "documents")


ATTACKS = (
    Attack("header", header, {"service.api_tasks:read_post": read_any_post}),
    Attack("host", foreign_host, {"service.app:refuse_other_hosts": nothing}),
    Attack("big-body", big_body, {"service.app:MAX_BODY_BYTES": WITHOUT}),
    Attack("big-input", big_input, {"corpora.examples:MAX_INPUT": WITHOUT}),
    Attack("big-output", big_output, {"corpora.examples:MAX_OUTPUT": WITHOUT}),
    Attack("many-rows", many_rows, {"corpora.examples:MAX_EXAMPLES": WITHOUT}),
    Attack("many-documents", many_documents, {"corpora.documents:MAX_DOCUMENTS": WITHOUT}),
)
