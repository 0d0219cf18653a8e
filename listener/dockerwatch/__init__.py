"""What only the host itself knows: how large volumes are, which containers ended and how.

Each is seen by a unit of its own and read as a file: the listener itself needs no rights on the host.
"""
