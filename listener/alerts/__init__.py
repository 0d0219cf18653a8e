"""Delivery of alerts: what people read, the ways it travels, and the heartbeat that says that we live."""
