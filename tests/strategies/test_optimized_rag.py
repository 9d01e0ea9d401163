"""rag.optimized on made-up corpora, through scripted models and a clock that models move."""

from pathlib import Path

import pytest

from corpora.task import Document, Example, Search, Task
from strategies.embedding import HashingEmbedder
from strategies.models.scripted import ScriptedModel
from strategies.optimized_rag import OptimizedRag
from strategies.rag import HybridRag

EMBEDDER = HashingEmbedder()
TOOLS = ("kettle", "ladder", "mirror")
COLOURS = ("red", "green", "blue")
FILLER = "This paragraph goes on about nothing in particular so that it takes some room here."


def task(**search):
    return Task(
        name="faq",
        kind="question-answering",
        instruction="Answer.",
        metric="token_f1",
        search=Search(**search),
    )


def documents():
    """Three of the same words, which differ only in what stands together."""
    return tuple(
        Document(
            id=f"d{shift}",
            text="\n\n".join(
                f"The {COLOURS[(n + shift) % 3]} {tool} is kept here. {FILLER} {FILLER}"
                for n, tool in enumerate(TOOLS)
            ),
        )
        for shift in range(3)
    )


def rows(start, count):
    """Each asks for a colour of kettle, which one document has."""
    return tuple(
        Example(
            id=f"r{n}",
            input=f"Where is the {COLOURS[n % 3]} kettle {n}",
            output="here",
            sources=(f"d{n % 3}",),
        )
        for n in range(start, start + count)
    )


TRAIN, VALIDATION = rows(0, 6), rows(6, 9)


class Watched:
    """A scripted model that keeps its prompts; each takes a second of its clock."""

    def __init__(self, says):
        self.prompts, self.now, self.says = [], 0.0, says
        self.model = ScriptedModel(self._say)

    def clock(self):
        return self.now

    def _say(self, prompt):
        self.prompts.append(prompt)
        self.now += 1.0
        return "here" if self.says(prompt) else "there"


def exact(examples, answers):
    pairs = list(zip(examples, answers, strict=True))
    return sum(e.output == a.text for e, a in pairs) / len(pairs) if pairs else 0.0


def prepare(watched, of, validation=VALIDATION, train=TRAIN, **settings):
    strategy = OptimizedRag(embedder=EMBEDDER, **settings)
    strategy.clock = watched.clock
    return strategy.prepare(of, train, validation, documents(), watched.model, exact)


def parts(prompt):
    """The passages of a prompt's last message and its question."""
    *_, asked = prompt.messages[-1].content.partition("Question: ")
    return prompt.messages[-1].content.split("\n\nQuestion: ")[0], asked


def right_alone(prompt):
    """Right where the one passage is the right one and holds nothing else."""
    passage, asked = parts(prompt)
    colour = asked.split()[3]
    return f"{colour} kettle" in passage and "ladder" not in passage and len(passage) < 250


def told(prepared, stage):
    return [row for row in prepared.training.search if row["stage"] == stage]


def chosen(prepared):
    [row] = [row for row in prepared.training.search if row.get("chosen")]
    return row


def test_better_chunks_and_fewer_passages_are_found_where_the_default_fails():
    watched = Watched(right_alone)
    prepared = prepare(watched, task(trials=8, seconds=1e6))
    default, *others = told(prepared, "answers")
    assert (default["chunk_tokens"], default["retriever"], default["weight"]) == (
        200,
        "hybrid",
        0.5,
    )
    assert (default["top_k"], default["shots"], default["validation_score"]) == (3, 3, 0.0)
    stands = chosen(prepared)
    assert (stands["chunk_tokens"], stands["top_k"], stands["validation_score"]) == (50, 1, 1.0)
    assert len(others) == 7
    [answer] = prepared.answer(["Where is the green kettle now"])
    assert (answer.text, answer.sources) == ("here", ("d1",))


def test_looking_at_retrieval_asks_no_model_and_takes_no_trial():
    watched = Watched(right_alone)
    prepared = prepare(watched, task(trials=1, seconds=1e6))
    looks = told(prepared, "retrieval")
    assert len(looks) > 20
    assert len(watched.prompts) == len(VALIDATION)
    assert prepared.training.usage.prompt > 0
    assert all("validation_score" not in look for look in looks)
    assert chosen(prepared)["top_k"] == 3
    assert max(look["mrr"] for look in looks) == 1.0


def test_the_first_trial_asks_what_rag_hybrid_asks():
    watched, plain = Watched(right_alone), Watched(right_alone)
    prepare(watched, task(trials=1))
    hybrid = HybridRag(embedder=EMBEDDER).prepare(
        task(), TRAIN, (), documents(), plain.model, exact
    )
    hybrid.answer([row.input for row in VALIDATION])
    key = [str(prompt) for prompt in plain.prompts]
    assert sorted(key) == sorted(str(prompt) for prompt in watched.prompts)


def test_what_does_worse_than_the_default_on_validation_does_not_stand():
    watched = Watched(lambda prompt: prompt.messages[-1].content.count("ladder") == 3)
    prepared = prepare(watched, task(trials=40, seconds=1e6))
    stands = chosen(prepared)
    assert (stands["chunk_tokens"], stands["top_k"], stands["validation_score"]) == (200, 3, 1.0)
    assert stands == told(prepared, "answers")[0]
    assert [a.text for a in prepared.answer([VALIDATION[0].input])] == ["here"]


def test_a_round_that_changes_nothing_ends_the_search():
    watched = Watched(lambda prompt: False)
    prepared = prepare(watched, task(trials=1000, seconds=1e6))
    trials = told(prepared, "answers")
    assert 8 < len(trials) < 40
    settings = [
        {k: v for k, v in row.items() if k not in ("validation_score", "rows", "seconds")}
        for row in trials[1:]
    ]
    assert all(settings.count(each) == 1 for each in settings)


@pytest.mark.parametrize(("seconds", "count"), [(5, 1), (9, 1), (30, 3), (60, 6)])
def test_no_trial_ends_after_the_seconds(seconds, count):
    watched = Watched(lambda prompt: False)
    prepared = prepare(watched, task(trials=1000, seconds=seconds))
    trials = told(prepared, "answers")
    assert [row["rows"] for row in trials] == [len(VALIDATION)] * count
    assert len(watched.prompts) == count * len(VALIDATION)


def test_fewer_rows_judge_where_the_model_is_slow_and_none_is_asked_twice():
    watched = Watched(lambda prompt: False)
    prepared = prepare(watched, task(trials=1, seconds=200), validation=rows(6, 100))
    [trial] = told(prepared, "answers")
    assert trial["rows"] == 50  # a quarter of the seconds
    assert len({str(prompt) for prompt in watched.prompts}) == len(watched.prompts) == 50
    quick = Watched(lambda prompt: False)
    prepared = prepare(quick, task(trials=1, seconds=1e6), validation=rows(6, 100))
    assert told(prepared, "answers")[0]["rows"] == 100


def test_without_validation_rows_the_default_stands_and_nothing_is_asked():
    watched = Watched(right_alone)
    prepared = prepare(watched, task(), validation=())
    assert watched.prompts == []
    [row] = prepared.training.search
    assert (row["chosen"], row["rows"], row["top_k"], row["chunk_tokens"]) == (1.0, 0.0, 3, 200)
    assert (prepared.top_k, len(prepared.shots)) == (3, 3)


def test_saved_with_all_that_was_chosen(tmp_path: Path):
    def best_first(prompt):
        passages, asked = parts(prompt)
        right = f"The {asked.split()[3]} kettle"
        return passages.startswith(right) and passages.count("\n\n") == 2

    watched = Watched(best_first)
    of = task(trials=40, seconds=1e6)
    prepared = prepare(watched, of)
    stands = chosen(prepared)  # two changes away from the default, each of which does no better
    assert (stands["order"], stands["chunk_tokens"]) == ("best first", 50)
    assert stands["validation_score"] == 1.0
    prepared.save(tmp_path)
    assert "best first" in (tmp_path / "prompt.md").read_text()
    loaded = OptimizedRag(embedder=EMBEDDER).load(tmp_path, of, watched.model)
    inputs = [row.input for row in (*VALIDATION, *TRAIN)]
    before = len(watched.prompts)
    assert prepared.answer(inputs) == loaded.answer(inputs)
    asked = watched.prompts[before:]
    assert asked[: len(inputs)] == asked[len(inputs) :]
    assert loaded.training == prepared.training


def test_what_is_kept_embeds_every_question_anew():
    class Counting(HashingEmbedder):
        asked = 0

        def embed(self, texts):
            self.asked += len(texts)
            return super().embed(texts)

    watched, embedder = Watched(lambda prompt: True), Counting()
    strategy = OptimizedRag(embedder=embedder)
    prepared = strategy.prepare(
        task(trials=2), TRAIN, VALIDATION, documents(), watched.model, exact
    )
    before = embedder.asked
    prepared.answer(["Where is the red kettle"] * 2)
    assert chosen(prepared)["retriever"] != "bm25"  # which embeds nothing
    assert embedder.asked == before + 2


def test_without_anything_telling_what_is_right_answers_choose_the_retriever():
    labels = Task(
        name="yn",
        kind="classification",
        instruction="Yes or no?",
        labels=("here", "there"),
        metric="accuracy",
        search=Search(trials=4, seconds=1e6),
    )
    plain = [row.model_copy(update={"sources": None}) for row in VALIDATION]
    watched = Watched(lambda prompt: True)
    prepared = prepare(watched, labels, validation=plain, train=())
    assert [row["retriever"] for row in told(prepared, "answers")][1:3] == ["dense", "bm25"]
    [look] = told(prepared, "retrieval")
    assert look["told_by"] == "nothing"


def test_of_two_that_answer_equally_well_the_one_that_finds_more_stands():
    watched = Watched(lambda prompt: True)
    prepared = prepare(watched, task(trials=2, seconds=1e6))
    assert chosen(prepared)["chunk_tokens"] == 50
    assert [a.text for a in prepared.answer(["Where is the red kettle"])] == ["here"]
