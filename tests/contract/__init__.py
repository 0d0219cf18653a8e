"""Recorded exchanges with Coolify 4.3.10 as data, and one runner for the stand-in and a real instance.

The cases are the YAML files in `cases/`; `cases.py` what a case is, `matching.py` what a pattern means,
`runner.py` how it is run. Set COOLIFY_URL, COOLIFY_TOKEN (all abilities) and COOLIFY_SERVER_UUID to run those
with `real: true` against a real Coolify; everything they make is named `cfcontract…` and removed again.
A full run takes some 2000 requests: ten to fifteen minutes at Coolify's 200 a minute.
"""
