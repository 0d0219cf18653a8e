"""The hooks on real PocketBase: who may save what, what a stale form does, and what is left of a delete."""
