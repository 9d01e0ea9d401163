"""The command line: `tuneworth compare SPEC` and what belongs to it.

Nothing heavy is imported here or in the modules of the commands; each command loads what it
needs when it runs, so that `--help` answers at once.
"""

from typing import Any

import rich_click as click
from click.exceptions import Abort, ClickException, Exit

from service.cli_bench import bench
from service.cli_cache import cache
from service.cli_compare import compare
from service.cli_decisions import decisions
from service.cli_forecast import forecast
from service.cli_forecast_bench import forecast as forecast_bench
from service.cli_init import init
from service.cli_keys import keys
from service.cli_options import is_debugging
from service.cli_reliability import reliability
from service.cli_serve import serve, worker
from service.cli_show import check, models, strategies, tasks, verify
from service.cli_what_if import what_if
from service.exits import refusal
from service.terminal import say_refusal

click.rich_click.COMMAND_GROUPS = {
    "tuneworth": [
        {
            "name": "Decide",
            "commands": ["init", "check", "forecast", "compare", "what-if", "verify"],
        },
        {"name": "Serve", "commands": ["serve", "worker", "keys"]},
        {"name": "Look up", "commands": ["strategies", "tasks", "models", "cache"]},
        {"name": "Measure Tuneworth", "commands": ["bench"]},
    ]
}


class Tuneworth(click.RichGroup):
    """The group that turns what a command returns or raises into an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
        except (ClickException, Exit, Abort):
            raise
        except BrokenPipeError:
            raise  # the reader of a pipe has left: click ends quietly
        except (Exception, KeyboardInterrupt) as error:  # the outermost frame: all ends here
            if is_debugging(ctx):
                raise
            problem = refusal(error)
            say_refusal(problem)
            code = problem.code
        if code:
            ctx.exit(code)


@click.group(cls=Tuneworth, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tuneworth")
def cli() -> None:
    """Is it worth tuning?

    Measures prompting, retrieval and LoRA fine-tuning on your own task, with the same model on
    the same test examples, and recommends one: with its quality, cost and latency.

    Start with: tuneworth compare support-triage
    """


bench.add_command(decisions)
bench.add_command(forecast_bench)
bench.add_command(reliability)
COMMANDS = (
    *(init, check, forecast, compare, what_if, verify),
    *(serve, worker, keys),
    *(strategies, tasks, models, cache),
    bench,
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """The entry point of the `tuneworth` command."""
    cli.main(prog_name="tuneworth")
