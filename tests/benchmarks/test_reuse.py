"""What a run reuses of earlier ones: never at the price of a measurement."""

import io
import json
import zipfile
from dataclasses import asdict, replace

import pytest
from conftest import key_for, rows
from tinystrategies import Tiny, right

from benchmarks.journal import Journal
from benchmarks.records import (
    BatchRecord,
    LatencyRecord,
    OutcomeRecord,
    SentinelRecord,
    SetupRecord,
)
from benchmarks.reuse import Reuse
from benchmarks.runner import run_comparison
from benchmarks.sitting import FRESH_BATCHES
from benchmarks.summary import summarise
from strategies.baselines import Linear, Nearest
from strategies.cache import Cache, Entry
from strategies.embedding import HashingEmbedder
from strategies.embedding_reuse import CachedEmbedder
from strategies.fixed_prompt import FixedPrompt
from strategies.lora import Lora
from strategies.models.scripted import ScriptedModel
from strategies.reuse import opened
from strategies.zero_shot import ZeroShot


@pytest.fixture
def wide(dataset):
    """160 test rows: 60 are answered singly, the others in 7 batches."""
    return dataset.model_copy(update={"test": rows("test", 160)})


def run(dataset, prices, folder, cache, *strategies, model=None, seed=0):
    return run_comparison(
        dataset,
        strategies=strategies,
        models={"tiny": lambda: model} if model else {},
        folder=folder,
        prices=prices,
        cache=cache,
        seed=seed,
    )


def of(records, kind):
    return [record for record in records if isinstance(record, kind)]


def changed(cache, kind, alter):
    """Alter every kept result of a kind, as valid entries."""
    found = 0
    for path in list(cache.folder.glob("??/*.entry")):
        key = path.parent.name + path.stem
        entry = cache.get(key)
        if entry.kind == kind:
            cache.put(key, alter(entry))
            found += 1
    return found


def quality_parts(records):
    """What a strategy said, without any time."""
    return [asdict(record) for record in of(records, OutcomeRecord)]


def test_a_reused_strategy_carries_what_preparing_it_took(dataset, prices, tmp_path, cache):
    nearest = Nearest(embedder=HashingEmbedder())
    first = run(dataset, prices, tmp_path / "one", cache, nearest)
    training = {"curve": [{"epoch": 1.0}], "epochs": 1}
    assert changed(
        cache, "prepared", lambda e: replace(e, seconds=326.0, facts={"training": training})
    )
    second = run(dataset, prices, tmp_path / "two", cache, nearest)
    (setup,) = of(second, SetupRecord)
    assert (setup.seconds, setup.reused_seconds, setup.training) == (326.0, 326.0, training)
    assert of(first, SetupRecord)[0].reused_seconds == 0.0
    row = summarise(second).strategies[0]
    assert row.cost.setup_seconds == 326.0
    assert (row.reused.setup_seconds, row.reused.answers) == (326.0, 0)
    assert summarise(second).spent_usd > 326.0 * row.cost.setup_usd / 326.0
    assert summarise(first).strategies[0].reused is None
    assert quality_parts(second) == quality_parts(first)
    kept = sorted(path.name for path in (tmp_path / "two/artifacts/baseline.nearest").iterdir())
    assert kept == ["outputs.jsonl", "vectors.json", "vectors.npy"]


def test_a_run_needs_no_cache_to_go_on(dataset, prices, tmp_path, cache):
    for name in ("one", "two"):
        run(dataset, prices, tmp_path / name, cache, Nearest(embedder=HashingEmbedder()))
    journal = tmp_path / "two" / "outcomes.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:20]))  # killed in the middle
    cache.clear()
    again = run(dataset, prices, tmp_path / "two", None, Nearest(embedder=HashingEmbedder()))
    assert len(of(again, OutcomeRecord)) == len(dataset.test)
    assert of(again, SetupRecord)[0].reused_seconds > 0


def test_what_cannot_be_told_is_prepared_every_time(dataset, prices, tmp_path, cache, tiny):
    scripted = ScriptedModel(lambda prompt: "red")
    assert key_for(dataset, cache, Tiny(right)) is None  # one of its settings is a function
    assert key_for(dataset, cache, ZeroShot(), scripted) is None
    hosted = ScriptedModel(lambda prompt: "red")
    hosted.hosted = True
    assert key_for(dataset, cache, ZeroShot(), hosted) is None
    assert key_for(dataset, None, ZeroShot(), tiny) is None
    for name in ("one", "two"):
        strategy = Tiny(right)
        run(dataset, prices, tmp_path / name, cache, strategy)
        assert strategy.log == ["prepare"]


@pytest.mark.parametrize("payload", [b"no zip", None])
def test_an_artefact_that_cannot_be_used_is_prepared_anew(
    dataset, prices, tmp_path, cache, payload
):
    nearest = Nearest(embedder=HashingEmbedder())
    first = run(dataset, prices, tmp_path / "one", cache, nearest)
    if payload is None:  # a good zip of nothing that loads
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("vectors.json", "{}")
        payload = file.getvalue()
    changed(cache, "prepared", lambda entry: replace(entry, payload=payload))
    second = run(dataset, prices, tmp_path / "two", cache, nearest)
    (setup,) = of(second, SetupRecord)
    assert (setup.status, setup.reused_seconds) == ("completed", 0.0)
    assert quality_parts(second) == quality_parts(first)
    third = run(dataset, prices, tmp_path / "three", cache, nearest)
    assert of(third, SetupRecord)[0].reused_seconds > 0


def test_one_embedding_serves_several_strategies_and_each_is_charged(
    dataset, prices, tmp_path, cache
):
    embedder = CachedEmbedder(HashingEmbedder())
    run(dataset, prices, tmp_path / "one", cache, Nearest(embedder=embedder))
    assert changed(cache, "embedding", lambda entry: replace(entry, seconds=80.0)) == 1
    records = run(dataset, prices, tmp_path / "two", cache, Linear(embedder=embedder))
    (setup,) = of(records, SetupRecord)
    assert 80.0 <= setup.reused_seconds < 85.0  # and the validation rows, embedded once a head
    assert setup.reused_seconds < setup.seconds < 90.0
    assert summarise(records).strategies[0].cost.setup_seconds == setup.seconds


def test_a_cold_cache_changes_nothing(wide, prices, tmp_path, cache, tiny):
    plain = run(wide, prices, tmp_path / "one", None, ZeroShot(), model=tiny)
    cold = run(wide, prices, tmp_path / "two", cache, ZeroShot(), model=tiny)
    assert quality_parts(cold) == quality_parts(plain)
    assert [batch.reused for batch in of(cold, BatchRecord)] == [False] * 7
    assert summarise(cold).strategies[0].reused is None
    sentinels = [[s.model_dump() for s in of(each, SentinelRecord)] for each in (plain, cold)]
    assert sentinels[0] == sentinels[1]


def test_replies_of_later_batches_are_reused_and_count_for_no_speed(
    wide, prices, tmp_path, cache, tiny
):
    first = run(wide, prices, tmp_path / "one", cache, ZeroShot(), model=tiny)
    second = run(wide, prices, tmp_path / "two", cache, ZeroShot(), model=tiny)
    assert quality_parts(second) == quality_parts(first)
    batches = of(second, BatchRecord)
    assert [batch.reused for batch in batches] == [False] * FRESH_BATCHES + [True] * 3
    computed = batches[:FRESH_BATCHES]
    row = summarise(second).strategies[0]
    speed = sum(batch.n for batch in computed) / sum(batch.seconds for batch in computed)
    assert row.throughput_per_s == pytest.approx(speed)
    assert row.reused.answers == sum(batch.n for batch in batches[FRESH_BATCHES:])
    assert row.cost.per_1k_requests_usd > 0


def test_a_broken_off_run_computes_its_first_batches_only_once(wide, prices, tmp_path, cache, tiny):
    run(wide, prices, tmp_path / "one", cache, ZeroShot(), model=tiny)
    run(wide, prices, tmp_path / "two", None, ZeroShot(), model=tiny)
    journal = tmp_path / "two" / "outcomes.jsonl"
    kept = []
    for line in journal.read_text().splitlines(keepends=True):
        kept.append(line)
        if sum(json.loads(one)["record"] == "batch" for one in kept) == 3:
            break
    journal.write_text("".join(kept))
    records = run(wide, prices, tmp_path / "two", cache, ZeroShot(), model=tiny)
    assert [batch.reused for batch in of(records, BatchRecord)] == [False] * 4 + [True] * 3


def poisoned(entry):
    """Another answer to every question; to one that is asked alone another than in a batch."""
    found = json.loads(entry.payload)
    wrong = [1.0, 0.0, 0.0] if len(found) == 1 else [0.0, 0.0, 1.0]
    found = [[wrong, *line[1:]] for line in found]
    return Entry(entry.kind, entry.seconds, json.dumps(found).encode(), entry.facts)


def test_timed_requests_and_guards_never_ask_the_cache(wide, prices, tmp_path, cache, tiny):
    """The cache knows a wrong answer to every call that the run will make."""
    honest = run(wide, prices, tmp_path / "one", None, ZeroShot(), model=tiny)
    prepared = ZeroShot().load(tmp_path / "one" / "artifacts" / "prompt.zero-shot", wide.task, tiny)
    assert isinstance(prepared, FixedPrompt)
    answered = {row.example for row in of(honest, OutcomeRecord)[:60]}
    with Reuse(cache, wide, 0).opened("generation", "embedding"):
        for example in (*wide.test[:80], *wide.validation):
            prepared.answer([example.input])
        prepared.answer([example.input for example in wide.validation])
        for start in range(0, 160, 16):
            chunk = [row.input for row in wide.test[start : start + 16] if row.id not in answered]
            if chunk:
                prepared.answer(chunk)
    assert changed(cache, "generation", poisoned) == 80 + 6 + 1 + 7
    run_again = run(wide, prices, tmp_path / "two", cache, ZeroShot(), model=tiny)
    says = [
        {row.example: (row.predicted, row.confidence) for row in of(each, OutcomeRecord)}
        for each in (honest, run_again)
    ]
    batches = of(run_again, BatchRecord)
    reused = sum(batch.n for batch in batches if batch.reused)
    assert len(of(run_again, LatencyRecord)) == 60
    assert [batch.reused for batch in batches[:FRESH_BATCHES]] == [False] * FRESH_BATCHES
    computed = list(says[0])[: 160 - reused]
    assert len(computed) > 100
    assert [says[1][name] for name in computed] == [says[0][name] for name in computed]
    poison = list(says[0])[160 - reused :]
    assert any(says[1][name] != says[0][name] for name in poison)  # it was there to be asked
    sentinels = [[s.model_dump() for s in of(each, SentinelRecord)] for each in (honest, run_again)]
    assert sentinels[0] == sentinels[1]


def test_a_tuned_model_is_trained_once(wide, prices, tmp_path, cache, tiny):
    lora = Lora(rank=2, epochs=1)
    first = run(wide, prices, tmp_path / "one", cache, lora, model=tiny)
    second = run(wide, prices, tmp_path / "two", cache, lora, model=tiny)
    trained, reused = of(first, SetupRecord)[0], of(second, SetupRecord)[0]
    assert trained.status == "completed", trained.reason
    assert reused == trained.model_copy(update={"reused_seconds": trained.seconds})
    assert (reused.training["epochs"], reused.training["seeds"]) == (1, [0])
    assert quality_parts(second) == quality_parts(first)
    assert [batch.reused for batch in of(second, BatchRecord)] == [False] * 4 + [True] * 3
    names = [[record.name for record in of(each, SentinelRecord)] for each in (first, second)]
    assert names[0] == names[1]
    assert "adapter changes outputs" in names[0]
    other = run(wide, prices, tmp_path / "three", cache, Lora(rank=3, epochs=1), model=tiny)
    assert of(other, SetupRecord)[0].reused_seconds == 0.0
    assert not any(batch.reused for batch in of(other, BatchRecord))


def test_answering_never_embeds_from_the_cache(dataset, prices, tmp_path, cache):
    """Throughput of a strategy without a model is measured on every batch."""
    embedder = CachedEmbedder(HashingEmbedder())
    strategies = Nearest(embedder=embedder), Linear(embedder=embedder)
    for name in ("one", "two"):
        records = run(dataset, prices, tmp_path / name, cache, *strategies)
    assert not any(batch.reused for batch in of(records, BatchRecord))
    assert [batch.n for batch in of(records, BatchRecord)] == [12, 8] * 2


def test_outside_a_run_the_cache_is_shut(cache, dataset):
    embedder = CachedEmbedder(HashingEmbedder())
    with Reuse(cache, dataset, 0).opened("embedding") as session, opened(session):
        embedder.embed(["a"])
    embedder.embed(["a"])
    assert (session.hits, cache.contents().entries) == (0, 1)


def test_a_disk_that_takes_nothing_does_not_harm_a_run(dataset, prices, tmp_path):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "results", worth_seconds=0.0)
    strategy = Nearest(embedder=CachedEmbedder(HashingEmbedder()))
    for name in ("one", "two"):
        records = run(dataset, prices, tmp_path / name, cache, strategy)
        assert summarise(records).strategies[0].status == "completed"
    assert (
        of(Journal(tmp_path / "two" / "outcomes.jsonl").read(), SetupRecord)[0].reused_seconds == 0
    )
