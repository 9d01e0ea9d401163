"""What attacks over HTTP share: the application on an empty folder, and a task to spoil."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.keys import Limits, open_keys
from service.reliability.attacks.attack import Refused
from service.settings import Settings
from service.shapes import API

TASKS = f"{API}/tasks"
MANY = Limits(per_minute=100_000)


def spec(**changes: Any) -> dict[str, Any]:
    """A task that is in order, with some fields changed."""
    rows = [
        {"id": str(n), "input": f"mail number {n}", "output": ("billing", "other")[n % 2]}
        for n in range(12)
    ]
    return {
        "name": "mails",
        "kind": "classification",
        "instruction": "Classify the customer's mail into exactly one category.",
        "examples": rows,
        **changes,
    }


def extraction(schema: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    """The same, to be extracted by a JSON Schema; every row has the output."""
    rows = [{"input": f"mail number {n}", "output": output} for n in range(12)]
    instruction = "Extract the fields of the customer's mail as JSON."
    return spec(kind="extraction", instruction=instruction, output_schema=schema, examples=rows)


@contextmanager
def client(data: Path, **settings: Any) -> Iterator[Any]:
    """A client of the application, which runs within this process."""
    from litestar.testing import TestClient

    from service.app import create_app

    app = create_app(Settings(data, **settings))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as one:
        yield one


def key_for(
    data: Path, name: str = "ada", scopes: Collection[str] = ("read", "run"), limits: Limits = MANY
) -> dict[str, str]:
    """A new key of this owner, as the header that presents it."""
    with open_keys(Settings(data)) as keys:
        _, text = keys.add(name, scopes, limits)
    return {"Authorization": f"Bearer {text}"}


def submitted(folder: Path, **changes: Any) -> Any:
    """The reply to a task with these changes."""
    with client(folder) as one:
        return one.post(TASKS, json=spec(**changes))


def refused(reply: Any, status: int, field: str | None = None) -> str:
    """Raises Refused where the reply says no with this status, because of this field.

    Else what came instead, a server error too, is how the attack got through.
    """
    if reply.status_code != status:
        return f"{reply.status_code}: {reply.text[:200]}"
    problem = reply.json()
    fields = [error["field"] for error in problem.get("errors", ())]
    if field is not None and field not in fields:
        return f"{status}, but because of {fields}: {problem['detail'][:200]}"
    raise Refused(problem["detail"][:300])
