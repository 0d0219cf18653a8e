"""The PocketBase room and the data model, on a real PocketBase."""
