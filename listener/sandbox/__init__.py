"""A whole world on one machine: real PocketBase, a stand-in for Coolify, the demo and its walk."""
