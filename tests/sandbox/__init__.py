"""The sandbox as a product: what can be made to go wrong in it, and that the listener lives through it."""
