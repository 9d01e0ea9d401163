"""Removing a task or its work so that nothing is left: rows, replies, jobs, files, kept results.

The rows go first, in one transaction that notes what else there is. What a crash or a full disk
leaves of that is cleared away by the worker's next sweep.
"""

import logging
import shutil
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from service.database import forget_pages, is_cancelled, reason_of
from service.errors import Conflict, NotFound, StoreAway
from service.posting import outdated
from service.services import Services
from service.storage import AgreedRow, PaymentRow, RecordsRow, SpentRow, TaskRow, UnitRow, Work
from service.store import ID, WORDS, Store

AGREED_DAYS = 400
"""What was agreed to pay counts in its month; it stays for a year's accounts."""
REMEMBERED_DAYS = 30
"""So long it is known that something was removed: a worker that was given up may be putting a file
of it into the store just then, and stand still for a while."""
AT_A_TIME = 200
"""Rows that are deleted in one transaction, so that nobody waits long."""
TABLES = {table.__tablename__: table for table in WORDS}
logger = logging.getLogger("tuneworth")


def remove_task(at: Services, task: str, owner: str | None) -> None:
    """Raises NotFound, and Conflict where a comparison or a forecast of it is not finished."""
    at.store.remove_task(task, owner)
    clear(at)


def remove_work(at: Services, key: str, table: type[Work], owner: str | None) -> None:
    """Raises NotFound, and Conflict where it is not finished."""
    at.store.remove_work(key, table, owner)
    clear(at)


def sweep(at: Services) -> None:
    """Remove what has been kept long enough, and clear away what was left of anything removed."""
    today = datetime.now(UTC)
    long_ago, lately = (
        (today - timedelta(days=days)).isoformat() for days in (AGREED_DAYS, REMEMBERED_DAYS)
    )
    with at.store.begin() as session:
        at.store.forget_replies(session, outdated())
        at.store.forget_removals(session, lately)
        session.execute(sa.delete(AgreedRow).where(AgreedRow.created_at < long_ago))
    if at.settings.keep_days is not None:
        _remove_older(at, datetime.now(UTC) - timedelta(days=at.settings.keep_days))
    clear(at)
    _clear_results(at)


def _remove_older(at: Services, than: datetime) -> None:
    """Work that ended before then; tasks made before then, once none of their work is left."""
    before = than.isoformat(timespec="milliseconds")
    for table in WORDS:
        for key in at.store.ended_before(before, table):
            try:
                at.store.remove_work(key, table, None)
            except NotFound:  # somebody was quicker
                continue
            except sa.exc.DBAPIError as error:
                _left(table.__tablename__, key, error)
    for task in at.store.unused_since(before):
        try:
            at.store.remove_task(task, None)
        except (NotFound, Conflict):  # or has begun something with it
            continue
        except sa.exc.DBAPIError as error:
            _left(TaskRow.__tablename__, task, error)


def _left(kind: str, key: str, error: sa.exc.DBAPIError) -> None:
    """Raises the error, but where the database cancelled statements for this one alone."""
    if not is_cancelled(error):
        raise error
    logger.warning("%s %s is not removed yet: %s.", kind, key, reason_of(error))


def clear(at: Services) -> None:
    """Files, jobs and kept results of what was removed; what cannot be cleared is left noted."""
    try:
        for kind, key in at.store.leftovers():
            try:
                _clear(at, kind, key)
            except (OSError, StoreAway, sa.exc.DBAPIError) as error:
                if isinstance(error, sa.exc.DBAPIError) and not is_cancelled(error):
                    raise
                reason = reason_of(error)
                logger.warning("%s %s is removed, but not all of it: %s.", kind, key, reason)
        forget_pages(at.store.engine)
    except sa.exc.SQLAlchemyError as error:  # what was removed stays so; a sweep clears the rest
        logger.warning("What was removed is not cleared away yet: %s.", reason_of(error))


def _clear(at: Services, kind: str, key: str) -> None:
    if kind == TaskRow.__tablename__:
        place = at.settings.results_folder(key)
        if place.exists():
            shutil.rmtree(place)
    else:
        at.hub.forget(TABLES[kind], key)
        at.what_ifs.forget(key)
        at.queue.forget(key)
        _clear_rows(at.store, key)
        at.files.remove(f"{kind}/{key}")
    at.store.cleared(kind, key)


def _clear_results(at: Services) -> None:
    """What this machine keeps for tasks that are gone: they may have been removed from another."""
    folder = at.settings.results_folder("")
    kept = [path for path in folder.glob("*") if ID.fullmatch(path.name)]
    there = at.store.tasks_among([path.name for path in kept])
    for path in kept:
        if path.name not in there:
            shutil.rmtree(path)


def _clear_rows(store: Store, work: str) -> None:
    """What the units of removed work have stored, and then the units."""
    for table in (RecordsRow, PaymentRow):
        some = sa.select(table.id).where(table.work == work).limit(AT_A_TIME)
        left = True
        while left:
            with store.begin() as session:
                found = session.connection().execute(sa.delete(table).where(table.id.in_(some)))
                left = found.rowcount > 0
    with store.begin() as session:
        session.execute(sa.delete(SpentRow).where(SpentRow.work == work))
        session.execute(sa.delete(UnitRow).where(UnitRow.work == work))
