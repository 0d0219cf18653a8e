"""Figures of the listener on one machine, and beside them those of a reader that does nothing.

Nothing that is timed passes or fails: `python -m tests.bench` measures beside two contenders and against
targets, `python -m tests.bench.quick` in three minutes without them; both write BENCHMARKS.md. What is
counted is tested.
"""
