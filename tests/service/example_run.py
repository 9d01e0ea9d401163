"""Records of a run that reads like a real one: ten classes of bank customers' messages.

Scores are scripted to land near what was measured on that task; every figure of the report then
follows from these records.
"""

import random
from collections.abc import Iterator

from benchmarks.records import (
    BatchRecord,
    EndRecord,
    Environment,
    LatencyRecord,
    ModelFacts,
    OutcomeRecord,
    Record,
    RunRecord,
    SentinelRecord,
    SetupRecord,
    StrategyFacts,
    TaskFacts,
)
from corpora.task import Check, Needs

MODEL = "smollm2-135m-q4"
N = 150
LABELS = (
    "activate_my_card",
    "age_limit",
    "card_arrival",
    "card_linking",
    "cash_withdrawal_charge",
    "declined_transfer",
    "exchange_rate",
    "lost_or_stolen_card",
    "pending_top_up",
    "verify_my_identity",
)
MESSAGES = (
    "How do I switch the new card on? There's no button in the app.",
    "Is there a minimum age? My daughter is 14 and would like an account.",
    "i ordered my card two weeks ago and it still isn't here, what's going on??",
    "I found my old card again, can I add it back to the app",
    "Why was I charged £2 for taking out money at the machine on the corner?",
    "The transfer to my landlord was refused & I don't <b>know</b> why",
    "what rate do you use when i pay in euros",
    "I can't find my card anywhere, please block it",
    "My top up has been pending since yesterday night, is that normal?",
    "Which papers do you need to see who I am, and how long does that take?",
)
# share of right answers, seconds of setup, seconds a batch of 10, ms of one request
SCRIPT: dict[str, tuple[float, float, float, float]] = {
    "baseline.majority": (0.10, 0.01, 0.00002, 0.02),
    "baseline.nearest": (0.94, 4.1, 0.11, 14.0),
    "baseline.linear": (0.96, 4.3, 0.11, 14.4),
    "prompt.zero-shot": (0.11, 0.4, 1.2, 140.0),
    "prompt.few-shot": (0.33, 1.6, 1.9, 212.0),
    "prompt.nearest": (0.95, 4.9, 4.2, 437.0),
    "lora": (0.93, 127.0, 1.25, 148.0),
}
FAMILIES = {"baseline": "baseline", "prompt": "prompting", "lora": "fine-tuning", "rag": "rag"}


def example_records(needs: Needs | None = None) -> list[Record]:
    """The whole journal, in the order things happened."""
    needs = needs or Needs(requests_per_month=40_000, quality_at_least=0.9)
    names = [*SCRIPT, "rag.hybrid", "lora+rag"]
    records: list[Record] = [run_record(names, needs)]
    for name, script in SCRIPT.items():
        records += strategy_records(name, *script)
    records.append(
        SetupRecord(strategy="rag.hybrid", status="skipped", reason="rag needs documents")
    )
    records.append(SetupRecord(strategy="lora+rag", status="skipped", reason="rag needs documents"))
    records += sentinels()
    records.append(EndRecord(seconds=412.0))
    return records


def run_record(names: list[str], needs: Needs) -> RunRecord:
    return RunRecord(
        fingerprint="0" * 64,
        seed=0,
        task=TaskFacts(
            name="banking77-10",
            kind="classification",
            metric="accuracy",
            labels=LABELS,
            n_train=200,
            n_validation=40,
            n_test=N,
            n_documents=0,
        ),
        needs=needs,
        models=(
            ModelFacts(
                name=MODEL, parameters=134_515_008, dtype="bfloat16", fingerprint="3fa1c09d77be"
            ),
        ),
        strategies=tuple(
            StrategyFacts(
                id=name,
                name=name,
                family="combined" if name == "lora+rag" else FAMILIES[name.split(".")[0]],
                model=None if name.startswith("baseline") else MODEL,
            )
            for name in names
        ),
        environment=Environment(
            cpu="Intel Xeon (Sapphire Rapids)",
            cores=2,
            memory_gb=23.5,
            gpu=None,
            torch="2.13.0+cpu",
            versions={"tuneworth": "0.1.0", "transformers": "5.23.0", "peft": "0.21.0"},
            started_at="2026-11-20T09:30:00+00:00",
        ),
        checks=(
            Check(
                check="label noise",
                severity="warning",
                message="2 near-duplicate inputs carry different labels.",
                examples=("b-017", "b-203"),
            ),
            Check(check="size", severity="info", message="150 test rows tell 10 points apart."),
        ),
        prices={
            "machine": "cpu-2-core",
            "usd_per_hour": 0.09,
            "source": "list price of a 2-vCPU cloud server",
            "as_of": "2026-06",
            "models": {},
        },
    )


def strategy_records(
    name: str, share: float, setup: float, batch: float, ms: float
) -> Iterator[Record]:
    rng = random.Random(name)
    yield SetupRecord(
        strategy=name,
        status="completed",
        seconds=setup,
        training={"epochs": 3, "seeds": [0]} if name == "lora" else None,
        artifact=f"artifacts/{name}",
    )
    # every strategy finds the same rows hard: what is wrong is mostly wrong together
    hard = random.Random("rows").sample(range(N), N)
    wrong = set(hard[: round((1 - share) * N * 0.6)])
    rest = [row for row in range(N) if row not in wrong]
    wrong |= set(rng.sample(rest, round((1 - share) * N) - len(wrong)))
    for start in range(0, N, 10):
        for row in range(start, start + 10):
            yield outcome(name, row, row not in wrong, rng)
        yield BatchRecord(strategy=name, n=10, seconds=batch * rng.uniform(0.9, 1.15))
    for row in range(60):
        yield LatencyRecord(
            strategy=name, example=f"b-{row:03}", ms=ms * rng.lognormvariate(0, 0.2)
        )


def outcome(name: str, row: int, right: bool, rng: random.Random) -> OutcomeRecord:
    label = LABELS[row % len(LABELS)]
    said = label if right else rng.choice([other for other in LABELS if other != label])
    return OutcomeRecord(
        strategy=name,
        example=f"b-{row:03}",
        state="ok",
        scores={"accuracy": float(right), "macro_f1": float(right)},
        predicted=said,
        expected=label,
        prompt_tokens=0 if name.startswith("baseline") else 96,
        cached_tokens=0 if name.startswith("baseline") else 60,
        completion_tokens=0 if name.startswith("baseline") else 5,
        text=said,
        input=MESSAGES[row % len(MESSAGES)],
        reference=label,
    )


def sentinels() -> list[Record]:
    return [
        SentinelRecord(
            name="adapter changes outputs",
            strategy="lora",
            passed=True,
            message="With the adapter, 14 of 16 answers differ from the base model's.",
        ),
        SentinelRecord(
            name="same prompt",
            strategy="lora",
            passed=True,
            message="Training and serving render the same prompt for 8 rows.",
        ),
        SentinelRecord(
            name="batch size",
            strategy="prompt.nearest",
            passed=False,
            message="Answering 32 rows singly and in batches of 8 moves the mean score by 0.063"
            " (allowed: 0.05).",
        ),
        SentinelRecord(
            name="train and test apart",
            passed=True,
            message="No test input is nearly the same as a training input.",
        ),
    ]
