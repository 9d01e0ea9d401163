"""Attacks by whoever can write a row into the database."""

import base64
import os
import pickle
import time
from pathlib import Path

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
    from service.settings import Settings
    from service.storage import open_database

    made = folder / "made by planted code"
    url = Settings(folder).database_url
    engine = open_database(url)
    queue = jobs.Queue(engine)
    with Session(engine) as session, session.begin():
        for key in (PLANTED, HONEST):
            queue.add(session, key)
        change = (
            "UPDATE workflow_status SET inputs = :inputs, serialization = 'py_pickle'"
            " WHERE workflow_uuid = :key"
        )
        inputs = base64.b64encode(pickle.dumps(Code(made))).decode()
        session.execute(sa.text(change), {"inputs": inputs, "key": PLANTED})
    done: list[str] = []
    jobs.take_jobs(url, done.append, done.append)
    end = time.monotonic() + SECONDS
    while HONEST not in done and not made.exists() and time.monotonic() < end:
        time.sleep(0.05)
    if made.exists():
        return "the planted code ran in the worker"
    if done != [HONEST]:
        return f"the worker did {done}, and not the job behind it"
    raise Refused("the planted job ended in an error, and the next was done")


ATTACKS = (
    Attack("pickle-row", pickled_row, {"service.jobs:refuse_pickles": nothing}, seconds=60),
)
