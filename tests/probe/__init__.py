"""Claims about the second witness, against real sockets and real certificates."""
