"""Attacks by code that comes with data: in a row of the database, or with a model's weights."""

import base64
import json
import os
import pickle
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.reliability.attacks.attack import Attack, Refused, nothing

PLANTED, HONEST = "planted", "honest"
SECONDS = 20.0


class Code:
    """Makes a folder once it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


def pickled_row(folder: Path) -> str:
    """A job whose row says that its input is a pickle; the next job is in order."""
    from service import jobs
    from service.database import open_database
    from service.settings import Settings

    made = folder / "made by planted code"
    url = Settings(folder).database_url
    engine = open_database(url)
    queue = jobs.Queue(engine)
    with Session(engine) as session, session.begin():
        for key in (PLANTED, HONEST):
            queue.put(session, jobs.Job(key, 0, 1), "cpu", 1)
        inputs = base64.b64encode(pickle.dumps(Code(made))).decode()
        where = {"key": jobs.Job(PLANTED, 0, 1).id}
        change = "UPDATE workflow_input SET inputs = :inputs WHERE workflow_uuid = :key"
        session.execute(sa.text(change), {"inputs": inputs, **where})
        change = "UPDATE workflow_status SET serialization = 'py_pickle' WHERE workflow_uuid = :key"
        session.execute(sa.text(change), where)
    done: list[str] = []
    honest = jobs.Job(HONEST, 0, 1).id
    jobs.take_jobs(url, "worker", "cpu", done.append)
    end = time.monotonic() + SECONDS
    while honest not in done and not made.exists() and time.monotonic() < end:
        time.sleep(0.05)
    if made.exists():
        return "the planted code ran in the worker"
    if done != [honest]:
        return f"the worker did {done}, and not the job behind it"
    raise Refused("the planted job ended in an error, and the next was done")


def code_of_a_model(folder: Path) -> str:
    """A model whose files name a module of their own to be loaded by."""
    from strategies.errors import ModelError

    os.environ["HF_MODULES_CACHE"] = str(folder / "modules")
    from strategies.models.local import LocalModel

    made, model = folder / "made by planted code", folder / "model"
    model.mkdir()
    (model / "planted.py").write_text(f"import os\nos.mkdir({str(made)!r})\n")
    own: dict[str, Any] = {"AutoConfig": "planted.Config", "AutoModelForCausalLM": "planted.Model"}
    own["AutoTokenizer"] = ["planted.Tokenizer", None]
    (model / "config.json").write_text(json.dumps({"model_type": "planted", "auto_map": own}))
    (model / "tokenizer_config.json").write_text(json.dumps({"auto_map": own}))
    try:
        LocalModel(model, name="planted")
    except ModelError as error:
        why = str(error)
    except AttributeError as error:  # the planted code, which has then run, has no such class
        why = str(error)
    if made.exists():
        return "the model's own code ran"
    raise Refused(why)


class TrustingTokenizer:
    """The library's, told to run whatever code a model brings."""

    @staticmethod
    def from_pretrained(source: Any, **options: Any) -> Any:
        from transformers.models.auto.tokenization_auto import AutoTokenizer

        return AutoTokenizer.from_pretrained(source, **{**options, "trust_remote_code": True})


ATTACKS = (
    Attack("model-code", code_of_a_model, {"transformers:AutoTokenizer": TrustingTokenizer}),
    Attack("pickle-row", pickled_row, {"service.jobs:refuse_pickles": nothing}),
)
