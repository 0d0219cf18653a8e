"""What only the host itself knows: how large volumes are. Measured by a unit of its own, read as a file."""
