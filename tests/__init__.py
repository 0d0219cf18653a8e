"""Claims about the listener, each a test."""
