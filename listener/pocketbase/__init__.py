"""The only room that knows PocketBase's wire: rows in, writes out, the realtime feed, the schema."""
