"""`tuneworth serve` and `tuneworth worker`: the HTTP service and what computes for it."""

from dataclasses import replace
from pathlib import Path

import rich_click as click

from service.cli_options import debug_option

jobs_option = click.option(
    "--jobs",
    type=int,
    help="Worker processes, each with work of its own. [default: TUNEWORTH_JOBS, else 1]",
)


@click.command()
@click.option("--host", help="Address to listen on. [default: TUNEWORTH_HOST, else 127.0.0.1]")
@click.option("--port", type=int, help="Port, 0 for a free one. [default: TUNEWORTH_PORT or 8000]")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the database and the reports. [default: TUNEWORTH_DATA]",
)
@click.option(
    "--worker/--no-worker",
    "with_worker",
    default=True,
    help="Without, run `tuneworth worker` on the same data folder. [default: with]",
)
@jobs_option
@debug_option
def serve(
    host: str | None, port: int | None, data: Path | None, with_worker: bool, jobs: int | None
) -> None:
    """Serve the JSON API, with workers beside it."""
    from service.keeper import WORKER
    from service.serve import serve as run
    from service.settings import Settings

    settings = Settings.from_environment()
    run(
        replace(
            settings,
            host=host or settings.host,
            port=settings.port if port is None else port,
            data=data.absolute() if data else settings.data,
            jobs=settings.jobs if jobs is None else jobs,
        ),
        WORKER if with_worker else None,
    )


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the database and the reports. [default: TUNEWORTH_DATA]",
)
@jobs_option
@debug_option
def worker(data: Path | None, jobs: int | None) -> None:
    """Compute queued comparisons and forecasts until stopped."""
    from service.keeper import keep_workers
    from service.settings import Settings
    from service.worker import work

    settings = Settings.from_environment()
    settings = replace(
        settings,
        data=data.absolute() if data else settings.data,
        jobs=settings.jobs if jobs is None else jobs,
    )
    if settings.jobs == 1:
        work(settings)
    else:
        keep_workers(settings)
