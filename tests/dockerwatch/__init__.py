"""Containers that end: told apart, remembered for an hour, and followed over Docker's socket."""
