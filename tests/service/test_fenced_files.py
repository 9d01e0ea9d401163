"""A worker that was given up, and goes on unseen, puts nothing more into the store."""

import pytest
from in_process import NAME, begun, queued

from benchmarks.placing import FolderShelf
from service.at_hand import Worker
from service.forecasting.defaults import FINDINGS
from service.orders import Next, Order
from service.orphans import Orphans
from service.removing import remove_task
from service.services import Services
from service.storage import ComparisonRow, ForecastRow, Work
from service.units import Overtaken
from service.workplace import Running, Workplace

GIVEN_UP = "its worker was not heard of any more"
ADAPTER = "lora"


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def queue(at: Services, table: type[Work]) -> str:
    options = {"strategies": [], "seed": 0}
    with at.store.begin() as session:
        task = at.store.add_task(session, {}, {}, None).id
        return at.store.add_work(session, task, options, at.units.open, table, None).id


def remove(at: Services, work: str, table: type[Work] = ComparisonRow) -> None:
    """Remove the task of work that is at a worker, once that was given up."""
    at.store.cancel(work, table, None)
    at.units.bury(NAME, GIVEN_UP)
    remove_task(at, at.store.work(work, table, None).task, None)


def taken(at: Services, work: str) -> tuple[Workplace, Running]:
    """The next unit of the work, at a worker."""
    claim = at.units.claim(queued(at, work)[0].id, NAME)
    workplace = Workplace(at, NAME)
    running = workplace.running(claim)
    running.folder.mkdir(parents=True)
    return workplace, running


def everything(at: Services) -> list[str]:
    return [one.key for kind in ("comparisons", "forecasts") for one in at.files.below(kind)]


def drafted(order: Order):
    draft = order.shelf.draft(ADAPTER)
    draft.mkdir(parents=True)
    (draft / "weights").write_text("some")
    return draft


def test_an_artefact_of_a_comparison_that_was_removed_is_not_kept(at) -> None:
    work = queue(at, ComparisonRow)
    begun(at, work)
    seen = []

    def slow(order: Order) -> Next:
        draft = drafted(order)
        remove(at, work)
        with pytest.raises(Overtaken):
            order.shelf.keep(ADAPTER, draft)
        seen.extend(everything(at))
        return Next()

    Worker(at, NAME, slow).run(queued(at, work)[0].id)
    assert seen == everything(at) == []


def test_who_was_given_up_drops_nothing_of_the_next(at) -> None:
    work = queue(at, ComparisonRow)
    begun(at, work)

    def slow(order: Order) -> Next:
        order.shelf.keep(ADAPTER, drafted(order))
        at.units.bury(NAME, GIVEN_UP)
        with pytest.raises(Overtaken):
            order.shelf.drop(ADAPTER)
        return Next()

    Worker(at, NAME, slow).run(queued(at, work)[0].id)
    assert everything(at) == [f"comparisons/{work}/artifacts/2-1/{ADAPTER}.zip"]


def test_reports_of_a_comparison_that_was_removed_are_not_kept(at) -> None:
    work = queue(at, ComparisonRow)
    begun(at, work)
    Worker(at, NAME, lambda order: Next()).run(queued(at, work)[0].id)
    workplace, running = taken(at, work)
    (running.folder / "report.json").write_text("{}")
    remove(at, work)
    with pytest.raises(Overtaken):
        workplace.keep(running)
    assert everything(at) == []


def test_findings_of_a_forecast_that_was_removed_are_not_kept(at) -> None:
    work = queue(at, ForecastRow)
    workplace, running = taken(at, work)
    (running.folder / FINDINGS).write_text("head\n0\n")
    remove(at, work, ForecastRow)
    with pytest.raises(Overtaken):
        workplace.keep_findings(running)
    assert everything(at) == []


def test_who_was_given_up_ends_in_order_where_it_has_found_more(at) -> None:
    work = queue(at, ForecastRow)
    _, running = taken(at, work)
    (running.folder / FINDINGS).write_text("head\n0\n")
    worker = Worker(at, NAME, lambda order: Next())
    worker.running = running
    remove(at, work, ForecastRow)
    worker.hand_back(seconds=0)
    assert everything(at) == []


def test_what_was_on_its_way_into_the_store_goes_with_the_next_sweep(at, monkeypatch) -> None:
    """The comparison is removed between the last look and the file."""
    work = queue(at, ComparisonRow)
    begun(at, work)
    put_file = at.files.put_file

    def slow(key, source) -> None:
        remove(at, work)
        put_file(key, source)

    monkeypatch.setattr(at.files, "put_file", slow)
    worker = Worker(at, NAME, lambda order: order.shelf.keep(ADAPTER, drafted(order)) and Next())
    worker.run(queued(at, work)[0].id)
    assert everything(at) == [f"comparisons/{work}/artifacts/2-1/{ADAPTER}.zip"]
    Orphans(at).clear()
    assert everything(at) == []
    assert not FolderShelf(at.settings.comparison_folder(work)).folder.exists()
