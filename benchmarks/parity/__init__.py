"""Parity benchmarks: scores beside lm-evaluation-harness's, hosted models beside local ones."""
