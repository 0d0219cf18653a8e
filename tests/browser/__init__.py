"""PocketBase's own admin UI in a real browser, with our hooks installed and the daemon at work behind it."""
