"""lm-evaluation-harness on rows and shots given as JSON; a script for a Python that has lm-eval.

Reads a job from stdin: model (a folder), dtype, batch, system (the instruction), labels, shots and
rows (text and label each). Prints one JSON line: the accuracy, the place of the label chosen in
each row, and a digest of each prompt as it was scored. Prompts are rendered, encoded, scored and
judged by the harness alone; its own settings for chat models are the only ones used.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

Job = Mapping[str, Any]
NAME = "parity"


def documents(job: Job) -> dict[str, list[dict[str, Any]]]:
    """The rows by split, as the harness takes them: `test` is scored, `shots` are shown."""

    def made(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        labels = list(job["labels"])
        return [
            {"text": row["text"], "choices": labels, "gold": labels.index(row["label"])}
            for row in rows
        ]

    found = {"test": made(job["rows"])}
    return {**found, "shots": made(job["shots"])} if job["shots"] else found


def task_of(job: Job) -> dict[str, Any]:
    """The task as the harness is configured by, without its data: multiple choice, where the
    likelihood of the label alone decides, and the shots in the order in which they are given."""
    shown = {"fewshot_split": "shots", "fewshot_config": {"sampler": "first_n"}}
    return {
        "task": NAME,
        "output_type": "multiple_choice",
        "test_split": "test",
        "doc_to_text": "{{text}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{gold}}",
        "target_delimiter": "",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0},
        **(shown if job["shots"] else {}),
    }


def chosen(samples: Sequence[Mapping[str, Any]]) -> list[int]:
    """The place of the likeliest label of each row, in the order of the rows."""
    ordered = sorted(samples, key=lambda sample: sample["doc_id"])
    found = []
    for sample in ordered:
        likelihoods = [float(reply[0]) for reply in sample["filtered_resps"]]
        found.append(max(range(len(likelihoods)), key=likelihoods.__getitem__))
    return found


def prompts(samples: Sequence[Mapping[str, Any]]) -> list[str]:
    """A digest of the prompt of each row, in the order of the rows."""
    ordered = sorted(samples, key=lambda sample: sample["doc_id"])
    return [digest(first_argument(sample["arguments"])) for sample in ordered]


def first_argument(arguments: Any) -> str:
    """The prompt of a row's first request, whichever way the harness's version logs it."""
    if isinstance(arguments, Mapping):
        return str(arguments["gen_args_0"]["arg_0"])
    return str(arguments[0][0])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def scored(job: Job) -> dict[str, Any]:
    import datasets
    import lm_eval
    from lm_eval.models.huggingface import HFLM

    def load(**_: Any) -> dict[str, Any]:
        return {name: datasets.Dataset.from_list(rows) for name, rows in documents(job).items()}

    model = HFLM(pretrained=job["model"], dtype=job["dtype"], device="cpu", batch_size=job["batch"])
    began = time.perf_counter()
    out = lm_eval.simple_evaluate(
        model=model,
        tasks=[{**task_of(job), "custom_dataset": load}],
        num_fewshot=len(job["shots"]),
        system_instruction=job["system"],
        apply_chat_template=True,
        fewshot_as_multiturn=True,
        bootstrap_iters=0,
        log_samples=True,
    )
    samples = out["samples"][NAME]
    return {
        "seconds": time.perf_counter() - began,
        "harness": lm_eval.__version__,
        "accuracy": out["results"][NAME]["acc,none"],
        "chosen": chosen(samples),
        "prompts": prompts(samples),
    }


def main() -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    job = json.load(sys.stdin)
    try:
        found = scored(job)
    except ImportError as error:
        sys.exit(f"{error}: give a Python in which lm-eval and accelerate are installed.")
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
