"""Turning a GGUF file into a plain transformers folder, done once after fetching."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any


def unpack_gguf(gguf_file: Path, folder: Path) -> None:
    """Write the file's model into `folder`: config, bfloat16 safetensors, tokenizer, template.

    bfloat16 because the weights were rounded to four bits before, an error next to which this
    one vanishes (perplexity of running text moves by 0.02%); it halves the folder, and machines
    that compute in bfloat16 and in float32 get the same weights.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = str(gguf_file.parent)
    with redirect_stderr(io.StringIO()):  # its progress bars; the caller shows its own
        tokenizer = AutoTokenizer.from_pretrained(
            source, gguf_file=gguf_file.name, local_files_only=True, trust_remote_code=False
        )
        model: Any = AutoModelForCausalLM.from_pretrained(
            source,
            gguf_file=gguf_file.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
        )
        model = model.to(dtype=torch.bfloat16)
        repair_smollm_tokenizer(tokenizer)
        tokenizer.model_max_length = model.config.max_position_embeddings
        model.config.pad_token_id = tokenizer.pad_token_id
        model.generation_config.pad_token_id = tokenizer.pad_token_id
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def repair_smollm_tokenizer(tokenizer: Any) -> None:
    """Give a SmolLM tokenizer read from GGUF what the file's reader leaves out.

    SmolLM splits off every digit before anything else (GGUF pre-tokenizer "smollm"); without
    that, white space before a number is cut differently from training: "\\n\\n1" must begin
    with one token for both line ends. Padding gets a token of its own, so that
    masking it out never masks the end of a turn.
    """
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.pad_token = "<|endoftext|>"
