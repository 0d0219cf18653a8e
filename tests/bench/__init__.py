"""Figures of the listener on one machine, and beside them those of a reader that does nothing.

Not tests: nothing here passes or fails. `python -m tests.bench.quick` measures and writes BENCHMARKS.md.
"""
