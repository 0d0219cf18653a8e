"""Moved to listener.cli.sandboxed."""

import runpy

runpy.run_module("listener.cli.sandboxed", run_name="__main__")
