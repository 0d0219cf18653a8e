"""Claims about templates, variables, limits, rendering and the guard."""
