"""A stand-in for Coolify 4.3.10: one ASGI app with state that refuses what the real one refused.

`StandIn().app` is mounted in process (`httpx.ASGITransport`) or served over HTTP by
`python -m listener.sandbox.standin`. What it answers was recorded against a real Coolify 4.3.10. It has no
containers: of those it only remembers whether they run. Only the sandbox and the tests may import this room.
"""

from listener.sandbox.standin.calls import Call, Calls
from listener.sandbox.standin.faults import Fault, Faults, JobFault
from listener.sandbox.standin.knobs import Knobs
from listener.sandbox.standin.standin import StandIn

__all__ = ["Call", "Calls", "Fault", "Faults", "JobFault", "Knobs", "StandIn"]
