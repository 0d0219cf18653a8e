"""The room `listener/dns`, against a real name server on loopback."""
