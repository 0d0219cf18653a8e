"""The command line as a person uses it: commands are processes, PocketBase is real, Coolify a stand-in."""
