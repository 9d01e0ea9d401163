"""`tuneworth cache`: how much is kept from one comparison to the next, and how to be rid of it."""

from dataclasses import asdict

import rich_click as click

from service.cli_options import common
from service.terminal import console, print_json


@click.command()
@click.option("--clear", is_flag=True, help="Remove all of it.")
@common
def cache(clear: bool, as_json: bool) -> None:
    """Show or clear what comparisons keep for later ones.

    Kept are embeddings, replies of local models and prepared strategies, which hold texts of your
    tasks. TUNEWORTH_CACHE_GB bounds it (2 by default, 0 keeps nothing).
    """
    from service.caching import default_cache

    found = default_cache()
    if found is None:
        if as_json:
            print_json({"folder": None, "limit_bytes": 0, "entries": 0, "bytes": 0})
        else:
            console().print("There is no cache: TUNEWORTH_CACHE_GB is 0.")
        return
    held = found.clear() if clear else found.contents()
    if as_json:
        facts = {"folder": str(found.folder), "limit_bytes": found.limit_bytes, **asdict(held)}
        print_json({**facts, "cleared": clear})
        return
    what = "Removed" if clear else "Kept"
    size = f"{held.bytes / 1e6:,.1f} MB of at most {found.limit_bytes / 1e6:,.0f} MB"
    console().print(f"{what}: {held.entries} results, {size}, in {found.folder}", soft_wrap=True)
