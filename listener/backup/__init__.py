"""Copies of volumes: restic as engine, databases copied while they are written to, trees put back whole.

Knows folders, never tenants: whose volumes they are, when they are copied and for how long they are kept is
said from outside. Runs as root on the volumes' host, and opens what tenants wrote only with their rights.
"""
