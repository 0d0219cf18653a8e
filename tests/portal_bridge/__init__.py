"""The bridge for the existing portal: real PocketBase behind it, and the stand-in for Coolify."""
