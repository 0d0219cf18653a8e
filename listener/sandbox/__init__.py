"""A whole world on one machine: real PocketBase, a stand-in for Coolify, a demo, a walk, and faults."""
