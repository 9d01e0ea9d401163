"""Parity benchmarks: our scores beside lm-evaluation-harness's, a hosted model beside a local one."""
