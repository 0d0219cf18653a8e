"""Machinery: connects, queues, retries, renders, measures, shuts down.

Belongs here: everything that would be the same if the records were about something else.
Does not belong: what should be true for a tenant or a stack (that is `handlers`).
"""
