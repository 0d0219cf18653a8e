"""This release and an older one, in turns, on the same PocketBase and the same Coolify."""
