"""Reused results: the same bit for bit, charged what they took, and only where it is open."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from strategies.cache import Cache
from strategies.embedding import HashingEmbedder
from strategies.embedding_reuse import CachedEmbedder
from strategies.models.base import Generation, Message, Prompt
from strategies.models.cached import CachedModel, choices_to_bytes, generations_to_bytes
from strategies.reuse import Session, computed_once, opened

TEXTS = ["returning the bike", "bank fees", "returning the bike"]


class Counting(HashingEmbedder):
    """Counts its calls; each takes `seconds` on the clock of the test."""

    def __init__(self, dimensions=64, clock=None, seconds=0.0):
        super().__init__(dimensions)
        self.calls = []
        self.clock, self.seconds = clock, seconds

    def embed(self, texts):
        self.calls.append(list(texts))
        if self.clock:
            self.clock.now += self.seconds
        return super().embed(texts)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "results", worth_seconds=0.0)


def session(cache, *kinds, clock=None, context=None):
    ticks = count()
    return Session(
        cache, kinds or ("embedding", "generation"), context or {}, clock or ticks.__next__
    )


def test_shut_unless_opened(cache):
    inner = Counting()
    embedder = CachedEmbedder(inner)
    for _ in range(2):
        embedder.embed(TEXTS)
    with opened(session(cache, "generation")):
        embedder.embed(TEXTS)
    with opened(session(None)):
        embedder.embed(TEXTS)
    assert inner.calls == [TEXTS] * 4
    assert cache.contents().entries == 0


def test_a_hit_equals_a_miss_exactly(cache):
    with opened(session(cache)) as first:
        missed = CachedEmbedder(Counting()).embed(TEXTS)
    inner = Counting()
    with opened(session(cache)) as second:
        hit = CachedEmbedder(inner).embed(TEXTS)
    assert (first.hits, second.hits, inner.calls) == (0, 1, [])
    assert hit.dtype == missed.dtype == np.float32
    assert hit.tobytes() == missed.tobytes() == HashingEmbedder(64).embed(TEXTS).tobytes()
    assert CachedEmbedder(inner).embed([]).shape == (0, 64)


def test_a_hit_is_charged_what_the_miss_took(cache):
    clock = Clock()
    embedder = CachedEmbedder(Counting(clock=clock, seconds=80.0))
    with opened(session(cache, clock=clock)) as first:
        began = clock()
        embedder.embed(TEXTS)
        assert first.charged(clock() - began) == 160.0  # one call to load, outside the price
    with opened(session(cache, clock=clock)) as second:
        began = clock()
        embedder.embed(TEXTS)
        clock.now += 3.0  # what the strategy does besides
        assert second.charged(clock() - began) == 83.0
    assert second.reused_seconds == 80.0


def test_what_the_cache_itself_takes_is_charged_to_nobody(cache):
    clock = Clock()

    class Slow(Cache):
        def get(self, key):
            clock.now += 5.0
            return super().get(key)

        def put(self, key, entry):
            clock.now += 7.0
            super().put(key, entry)

    slow = Slow(cache.folder, worth_seconds=0.0)
    for _ in range(2):
        with opened(session(slow, clock=clock)) as here:
            began = clock()
            CachedEmbedder(Counting(clock=clock, seconds=2.0)).embed(TEXTS)
            elapsed = clock() - began
    assert elapsed == 5.0
    assert here.charged(elapsed) == 2.0


def test_what_reuses_something_while_it_is_computed_keeps_its_full_price(cache):
    clock = Clock()

    def inner():
        clock.now += 10.0
        return "inner"

    def outer():
        clock.now += 1.0
        return once("inner", inner) + " outer"

    def once(name, compute):
        return computed_once(
            "generation", lambda: {"name": name}, compute, write=str.encode, read=bytes.decode
        )

    with opened(session(cache, clock=clock)):
        once("inner", inner)
    with opened(session(cache, clock=clock)) as second:
        assert once("outer", outer) == "inner outer"
        assert second.charged(1.0) == 11.0
    with opened(session(cache, clock=clock)) as third:
        assert once("outer", outer) == "inner outer"
        assert third.charged(0.0) == 11.0


@pytest.mark.parametrize(
    "other",
    [
        lambda cache: (CachedEmbedder(HashingEmbedder(128)), TEXTS, {}),
        lambda cache: (CachedEmbedder(Counting()), TEXTS, {}),  # another class
        lambda cache: (CachedEmbedder(HashingEmbedder(64)), TEXTS[::-1][1:], {}),
        lambda cache: (CachedEmbedder(HashingEmbedder(64)), [*TEXTS, "more"], {}),
        lambda cache: (CachedEmbedder(HashingEmbedder(64)), TEXTS, {"torch": "other"}),
        lambda cache: (shorter(), TEXTS, {}),
    ],
)
def test_another_call_is_another_key(cache, other):
    with opened(session(cache)):
        CachedEmbedder(HashingEmbedder(64)).embed(TEXTS)
    embedder, texts, context = other(cache)
    with opened(session(cache, context=context)) as second:
        embedder.embed(texts)
    assert second.hits == 0
    assert cache.contents().entries == 2


def shorter():
    embedder = HashingEmbedder(64)
    embedder.max_tokens = 10
    return CachedEmbedder(embedder)


def test_an_entry_that_does_not_fit_its_call_is_computed_anew(cache):
    with opened(session(cache)):
        vectors = CachedEmbedder(HashingEmbedder(64)).embed(TEXTS)
    for path in cache.folder.glob("??/*"):
        key = path.parent.name + path.stem
        found = cache.get(key)
        cache.put(key, type(found)(found.kind, 1.0, b"\x93NUMPY nonsense"))
    with opened(session(cache)) as second:
        assert (CachedEmbedder(HashingEmbedder(64)).embed(TEXTS) == vectors).all()
    assert second.hits == 0


def prompt(text, instruction="Say the colour."):
    return Prompt((Message("system", instruction), Message("user", text)), shared=1)


PROMPTS = [prompt("a red bike"), prompt("the blue card, please")]


@pytest.fixture
def model(tiny_folder):
    import torch

    from strategies.models.local import LocalModel

    plain = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)
    return CachedModel.around(plain)


def asked(model, cache, *, prompts=PROMPTS, choices=("red", "blue"), tokens=4):
    """Replies and choices in one session, with its hits."""
    with opened(session(cache)) as here:
        replies = model.generate(prompts, max_new_tokens=tokens)
        chosen = model.choose(prompts, choices)
    return replies, chosen, here.hits


def test_replies_and_choices_come_back_exactly(cache, model, tiny_model):
    assert model.info == tiny_model.info
    plain = (
        tiny_model.generate(PROMPTS, max_new_tokens=4),
        tiny_model.choose(PROMPTS, ("red", "blue")),
    )
    missed, hit = asked(model, cache), asked(model, cache)
    assert missed == (*plain, 0)
    assert hit == (*plain, 2)
    assert list(hit[1][0].probabilities) == ["red", "blue"]


def test_another_question_is_another_key(cache, model):
    asked(model, cache)
    instructed = [prompt("a red bike", "Name the colour."), PROMPTS[1]]
    unshared = [Prompt(one.messages) for one in PROMPTS]
    for changed in (PROMPTS[::-1], PROMPTS[:1], instructed, unshared):
        assert asked(model, cache, prompts=changed)[2] == 0
    assert asked(model, cache, tokens=5)[2] == 1  # the choices are as before
    assert asked(model, cache, choices=("blue", "red"))[2] == 1  # the replies are
    assert asked(model, cache)[2] == 2


def test_another_model_is_another_key(cache, model, tiny_folder, tmp_path):
    import torch

    from strategies.models.local import LocalModel

    asked(model, cache)

    def loaded(dtype=torch.float32):
        return LocalModel(tiny_folder, name="tiny", device="cpu", dtype=dtype)

    half = CachedModel.around(loaded(torch.bfloat16))
    assert asked(half, cache)[2] == 0
    stretched = loaded()
    stretched.network.config.rms_norm_eps = 1e-3  # no weight differs
    assert asked(CachedModel.around(stretched), cache)[2] == 0
    longer = loaded()
    longer.stop = frozenset([*longer.stop, 77])
    assert asked(CachedModel.around(longer), cache)[2] == 0
    assert asked(CachedModel.around(loaded()), cache)[2] == 2


def test_a_network_in_training_is_never_reused(cache, model):
    training = model.variant(model.network, "in training 0")
    assert not isinstance(training, CachedModel)
    asked(training, cache)
    assert asked(training, cache)[2] == 0


def test_an_adapter_tells_models_apart(cache, model, tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model

    def adapter(folder: Path, seed):
        torch.manual_seed(seed)
        config = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
        wrapped = get_peft_model(model.network, config)
        wrapped.save_pretrained(str(folder), save_embedding_layers=False)
        wrapped.unload()
        return folder

    tuned = [model.with_adapter(adapter(tmp_path / str(seed), seed)) for seed in (1, 2)]
    assert all(isinstance(one, CachedModel) for one in tuned)
    assert len({one.identity for one in (model, *tuned)}) == 3
    asked(tuned[0], cache)
    assert asked(tuned[1], cache)[2] == 0
    assert asked(tuned[0], cache)[2] == 2
    assert asked(model, cache)[2] == 0


def test_errors_are_never_kept(cache, model):
    long = [PROMPTS[0], prompt("word " * 2000)]
    for _ in range(2):
        replies, chosen, hits = asked(model, cache, prompts=long)
        assert (replies[1].error is not None, chosen[1].error is not None, hits) == (True, True, 0)
    assert cache.contents().entries == 0
    assert generations_to_bytes([Generation("", error="no")]) is None
    assert choices_to_bytes(chosen) is None
