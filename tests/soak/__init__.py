"""The soak: everything at once for ten minutes, with short waits, and every second both sides are looked at.

`python -m tests.soak` runs it and prints its figures; `SOAK_SECONDS` and `SOAK_SEED` may be set.
"""
