"""The table of faults: what is lost, twinned or orphaned under each, from runs of the real daemon.

A row is a function from a folder and a size to a `Count`; the rows are in `registry`. `python -m tests.table`
runs them all and writes BENCHMARKS.md; the tests run the same functions, the long ones smaller.
"""
