"""Benchmarks: each figure beside its anchor, in the same run."""
