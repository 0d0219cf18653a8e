"""Mistakes over many records, with real PocketBase, the stand-in and the daemon: nothing is lost."""
