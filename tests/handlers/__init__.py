"""Policy against a real PocketBase and a stand-in for Coolify, under a clock that tests move."""
