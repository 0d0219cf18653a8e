"""The whole daemon as a process, while what it stands on gives way: it recovers and does no harm."""
