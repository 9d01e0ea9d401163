"""A run of hand-made strategies, and what of its records a test asks for."""

from benchmarks.runner import run_comparison


def of(records, kind, strategy=None):
    found = [record for record in records if isinstance(record, kind)]
    return [record for record in found if strategy is None or record.strategy == strategy]


def run(dataset, prices, folder, *strategies, models=None, **more):
    return run_comparison(
        dataset, strategies=strategies, models=models or {}, folder=folder, prices=prices, **more
    )
