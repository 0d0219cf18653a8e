"""A bad night, handled with our own commands and OPERATIONS.md; `python -m tests.night` writes it down."""
