"""Proof of own domains: asks name servers where a domain leads and what its owner says beside it.

Belongs here: questions to resolvers, each with an end, and what their answers are worth.
Does not belong: when to ask, what is remembered, and what follows. Nothing that is found here is ever
connected to: an address out of an answer is compared, no more.
"""
