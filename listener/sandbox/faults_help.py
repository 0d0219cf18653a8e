"""What `cloudfreedom sandbox --help` says of a file of faults. Imports nothing, so that help is quick."""

TEXT = """\
A file of faults is a YAML list; each entry says when, where and what:

\b
- {after: 5, every: 20, for: 10, where: coolify, what: status, status: 503, path: ^/services$}

when: `after` seconds since the sandbox is ready, again `every` so many, `for` so many; else until it
met `times` (1) requests or jobs, else to the end.

\b
where       what
coolify     status (status, headers, body), drop, stall, garbage, half, delay (seconds),
            lag (seconds), limit (per_minute), skew (seconds), turn (knobs)
pocketbase  status (status, headers, body), drop, stall, garbage, half, delay (seconds),
            skew (seconds), cut, deafen (streams), slow (seconds), refuse
jobs        hold, reorder, lose: jobs in Coolify's queue

Which requests: `method`, `path` (a pattern), `times`; `effect: true` carries the request out before its
answer is spoiled. Which jobs: `job` (start, restart, stop, delete, part, sync), `service` (a pattern),
`times`. --faults example plays a file that has them all.
"""
