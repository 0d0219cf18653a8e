"""Policy: what should be true for a tenant or a stack, and which steps make it so."""
