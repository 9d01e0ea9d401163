"""lora.optimized: what is tried next, and on a tiny network what stands and what is told."""

import gc
from dataclasses import replace
from types import SimpleNamespace

import pytest

from corpora.task import Example, Search, Task
from strategies.adapter_settings import AdapterSettings, is_usual, moves
from strategies.base import Training
from strategies.errors import ModelError
from strategies.lora import Lora
from strategies.models.local import LocalModel
from strategies.optimized_lora import AdapterBench, OptimizedLora, search_settings
from strategies.search import OutOfTime, Trial
from strategies.search import Search as Searching

START = AdapterSettings(rank=16, learning_rate=1e-3, epochs=3, batch_rows=8)
TASK = Task(
    name="mail",
    kind="classification",
    instruction="Name the topic. Take the first that fits.",
    labels=("card", "bike"),
    metric="accuracy",
    search=Search(trials=2, seconds=600),
)
ROWS = [
    Example(id=f"r{n}", input=f"my {'card' if n % 2 else 'bike'} is lost {n}", output=label)
    for n, label in enumerate(["bike", "card"] * 6)
]


def curve(*scores):
    return tuple(
        {"epoch": float(n), "validation_score": score, "validation_loss": 1.0}
        for n, score in enumerate(scores, start=1)
    )


def test_where_the_last_epoch_was_best_more_learning_comes_first():
    gaining = Training(curve=curve(0.2, 0.4, 0.6), epochs=3)
    first, second, *_ = moves(START, gaining)
    assert first == replace(START, batch_rows=4)
    assert second == replace(START, epochs=6)


def test_where_an_earlier_epoch_was_best_less_learning_comes_first():
    over = Training(curve=curve(0.6, 0.5, 0.4), epochs=1)
    first, second, *_ = moves(START, over)
    assert first == replace(START, learning_rate=5e-4)
    assert second == replace(START, batch_rows=16)


def test_moves_change_one_thing_and_stay_where_adapters_are_trained():
    edge = AdapterSettings(rank=64, learning_rate=5e-3, epochs=12, batch_rows=2)
    training = Training(curve=curve(0.1), epochs=1)
    found = list(moves(edge, training))
    assert all(is_usual(each) for each in found)
    assert replace(edge, template="short") in found
    assert not any(each.epochs > 12 or each.rank > 64 or each.batch_rows < 2 for each in found)


def exact(examples, answers):
    pairs = list(zip(examples, answers, strict=True))
    return sum(e.output == a.text for e, a in pairs) / len(pairs)


@pytest.fixture(scope="module")
def tuned(tiny_model):
    calls = []

    def score(examples, answers):
        calls.append([example.id for example in examples])
        return exact(examples, answers)

    strategy = OptimizedLora(epochs=1, rank=4)
    made = strategy.prepare(TASK, ROWS[:8], ROWS[8:], (), tiny_model, score, seed=3)
    return made, calls


def test_trials_are_on_the_upper_layers_and_the_best_is_confirmed_at_full_depth(tuned):
    made, _ = tuned
    search = made.training.search
    assert [row["depth"] for row in search] == ["upper third"] * 2 + ["full"] * 3
    assert sum("chosen" in row for row in search) == 1
    first, second = search[:2]
    assert first["batch_rows"] != second["batch_rows"]
    # the second stands only where it does better; then it is that one that is confirmed
    at_least = max(row["validation_score"] for row in (first, second))
    for row in search[2:]:
        [same] = [each for each in (first, second) if each["batch_rows"] == row["batch_rows"]]
        assert same["validation_score"] == at_least
        assert all(row[name] == same[name] for name in ("rank", "learning_rate", "epochs"))
    assert len({row["batch_rows"] for row in search[2:]}) == 1


def test_three_seeds_are_trained_and_told(tuned):
    made, _ = tuned
    assert made.training.seeds == (3, 4, 5)
    assert [row["seed"] for row in made.training.search[2:]] == [3.0, 4.0, 5.0]


def test_all_trainings_tell_what_they_learned_from_and_asked(tuned):
    made, _ = tuned
    assert made.training.tokens > 0
    assert [row["tokens"] for row in made.training.search] == [float(made.training.tokens)] * 5
    assert made.training.usage.completion == 5 * 4  # a label for each row that judges
    assert made.training.usage.prompt > made.training.usage.completion


def test_answers_after_each_epoch_are_told(tiny_model):
    made = Lora(epochs=2, rank=4).prepare(TASK, ROWS[:8], ROWS[8:], (), tiny_model, exact)
    assert made.training.usage.completion == 2 * 4


def test_what_stands_did_best_on_validation(tuned):
    made, _ = tuned
    stands = next(row for row in made.training.search if "chosen" in row)
    scores = [row["validation_score"] for row in made.training.search]
    assert stands["validation_score"] == max(scores)
    answers = made.answer([row.input for row in ROWS[8:]])
    right = [e.output == a.text for e, a in zip(ROWS[8:], answers, strict=True)]
    assert sum(right) / len(right) == pytest.approx(stands["validation_score"])


def test_only_validation_rows_are_scored(tuned):
    _, calls = tuned
    assert {name for call in calls for name in call} == {row.id for row in ROWS[8:]}


@pytest.fixture
def models_made():
    """How many of the models made since then are alive: what was there before is not looked
    through, however much an earlier test left."""
    gc.collect()
    gc.freeze()
    yield lambda: sum(issubclass(type(each), LocalModel) for each in gc.get_objects())
    gc.unfreeze()


def test_weights_of_adapters_that_were_given_up_are_freed(tiny_model, models_made):
    during = []
    task = TASK.model_copy(update={"search": Search(trials=4, seconds=600)})
    made = OptimizedLora(epochs=1, rank=4).prepare(
        task, ROWS[:8], ROWS[8:], (), tiny_model, exact,
        progress=lambda fraction, message: during.append(models_made()),
    )  # fmt: skip
    assert len(made.training.search) == 4 + 3
    assert max(during) == 2  # the best so far and the one in training
    assert models_made() == 1


def test_without_validation_rows_the_default_is_trained_once(tiny_model):
    strategy = OptimizedLora(epochs=1, rank=4)
    made = strategy.prepare(TASK, ROWS[:4], [], (), tiny_model, lambda e, a: 0.0)
    [row] = made.training.search
    assert (row["depth"], row["rank"], made.training.seeds) == ("full", 4, (0,))


def test_a_short_template_leaves_the_instruction_to_training(tiny_model, tmp_path):
    strategy = OptimizedLora(epochs=1, rank=4)
    strategy.template = "short"
    made = strategy.prepare(TASK, ROWS[:4], [], (), tiny_model, lambda e, a: 0.0)
    prompt = made.rendered_serving_prompt("my card")
    assert "Name the topic." in prompt
    assert "Take the first" not in prompt
    assert "Labels" not in prompt
    made.save(tmp_path)
    loaded = strategy.load(tmp_path, TASK, tiny_model)
    assert loaded.rendered_serving_prompt("my card") == prompt
    assert loaded.answer(["my card"])[0].text in TASK.labels


def bench_with(best):
    search = Searching(TASK.search, ROWS[8:], lambda examples, answers: 0.0)
    if best is not None:
        search.keep(best)
    return AdapterBench(search)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ModelError("the training loss is not finite"), "the training loss is not finite"),
        (OutOfTime(), "out of time"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_training_that_fails_is_given_up_and_what_stood_stands(error, why, whole):
    best = Trial({"rank": 16.0}, 0.1, 0.0, 4)
    bench = bench_with(best)

    def train(told):
        raise error

    assert bench.attempt({"rank": 32.0}, train, whole=whole) is None
    assert bench.search.best is best
    assert [row.get("dropped") for row in bench.search.record().search] == [None, why]


def test_where_nothing_stands_a_training_that_fails_is_an_error():
    def train(told):
        raise ModelError("no training row fits")

    with pytest.raises(ModelError, match="no training row fits"):
        bench_with(None).attempt({}, train, whole=True)


@pytest.mark.parametrize(
    ("seconds", "epochs"), [(59, [3]), (61, [3, 3]), (119, [3, 3, 3]), (121, [3, 3, 6])]
)
def test_no_training_begins_that_would_not_end_in_time(seconds, epochs):
    """Ten seconds an epoch, and more learning always gains."""
    now = [0.0]
    budget = Search(trials=3, seconds=seconds)
    search = Searching(budget, ROWS, exact, clock=lambda: now[0])
    trained = []

    def train(settings, told):
        trained.append(settings.epochs)
        now[0] += 10.0 * settings.epochs
        scores = [len(trained) / 10 + epoch / 100 for epoch in range(settings.epochs)]
        return SimpleNamespace(training=Training(curve=curve(*scores), epochs=settings.epochs))

    search_settings(AdapterBench(search), replace(START, batch_rows=4), train)
    assert trained == epochs
    assert search.spent <= seconds
