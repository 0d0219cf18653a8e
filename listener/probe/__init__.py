"""The second witness: asks a stack's own door whether it answers, apart from what Coolify says.

Belongs here: one question to a server's proxy in a stack's name, and what its answer is worth.
Does not belong: when to ask, and what follows; no answer ever causes a step. No address comes from a record:
a record's domain is spoken (SNI, `Host`), never resolved and never connected to.
"""
