"""Claims about the engine, made with a toy handler, a toy feed and a toy lease under virtual time."""
