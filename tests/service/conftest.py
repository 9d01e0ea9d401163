"""What several tests of the service are handed."""

import json

import pytest
from bench_worlds import bench_of_its_own, measured_world

from service.database import open_database
from service.reliability.postgres import Cluster, NoPostgres
from service.settings import Settings

LABELS = ("red", "green", "blue")


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL server."""
    try:
        server = Cluster()
    except NoPostgres as error:
        pytest.skip(f"NOTHING OF POSTGRESQL IS TESTED: {error}")
    yield server
    server.remove()


@pytest.fixture(scope="session")
def tables(cluster, tmp_path_factory):
    """The name of a database on PostgreSQL with nothing but its tables: making them takes long."""
    made = Settings(tmp_path_factory.mktemp("tables"), postgres=cluster.new_database())
    open_database(made.database_url).dispose()
    return made.database_url.rsplit("/", 1)[-1]


@pytest.fixture
def postgres(cluster, tables, tmp_path):
    """Settings with a database on PostgreSQL."""
    return Settings(tmp_path / "data", postgres=cluster.new_database(like=tables))


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request, tmp_path):
    """Settings with a database of each kind."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres")
    return Settings(tmp_path / "data")


@pytest.fixture
def task(tmp_path):
    """Writes a task folder of 60 rows, with `changes` to its spec."""

    def write(**changes):
        rows = [
            {"id": f"r{n}", "input": f"Order {n}: paint {n * 7919} in {LABELS[n % 3]}, please."}
            | {"output": LABELS[n % 3]}
            for n in range(60)
        ]
        folder = tmp_path / "colours"
        folder.mkdir(exist_ok=True)
        text = "\n".join(json.dumps(row) for row in rows) + "\n"
        (folder / "examples.jsonl").write_text(text)
        spec = {
            "name": "colours",
            "kind": "classification",
            "instruction": "Name the colour that the customer asks for.",
            "examples": "examples.jsonl",
        }
        (folder / "task.json").write_text(json.dumps(spec | changes))
        return folder

    return write


@pytest.fixture
def drawings(monkeypatch):
    """What is drawn from now on, each held to the schema, which nobody asks where a report is
    made."""
    import altair as alt
    import vl_convert

    drawn, draw = [], vl_convert.vegalite_to_svg

    def held_to_the_schema(drawing, **more):
        alt.LayerChart.validate(drawing)
        drawn.append(drawing)
        return draw(drawing, **more)

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", held_to_the_schema)
    return drawn


@pytest.fixture(scope="session")
def bench_made(tmp_path_factory):
    """Four task folders, and what was measured of them; nobody writes there."""
    place = tmp_path_factory.mktemp("made")
    return place, measured_world(place)


@pytest.fixture
def bench_world(bench_made, tmp_path):
    """A bench of a copy of those, its tasks by name, and everything that is said kept."""
    return bench_of_its_own(*bench_made, tmp_path)
