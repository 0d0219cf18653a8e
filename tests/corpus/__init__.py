"""Compose texts as people write them, each with what it means, or with the line at which it is refused."""
