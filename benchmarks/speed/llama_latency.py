"""llama.cpp's Python binding, one request after the other; a script for a Python that has it.

Reads {"gguf", "tokens", "prompts"} from stdin and prints {"each": seconds of each request}. It
stands alone: nothing of this package is at hand where it runs.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time


def main() -> None:
    from llama_cpp import Llama

    asked = json.load(sys.stdin)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    model = Llama(
        model_path=asked["gguf"],
        n_ctx=4096,
        n_batch=2048,
        n_ubatch=2048,
        n_threads=threads,
        n_threads_batch=threads,
        verbose=False,
    )
    each = []
    for prompt in asked["prompts"]:
        began = time.perf_counter()
        read = model.tokenize(prompt.encode(), add_bos=False, special=True)
        # not `create_completion`, which would stop at the end of turn
        made = itertools.islice(model.generate(read, temp=0.0), asked["tokens"])
        model.detokenize(list(made))
        each.append(time.perf_counter() - began)
    print(json.dumps({"each": each}), flush=True)


if __name__ == "__main__":
    main()
