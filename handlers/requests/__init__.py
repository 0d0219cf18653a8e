"""Requests: a person's command reaches the leader as a row of `listener_requests`, and is answered there."""
