"""Whether the registry and what it needs are well: checks that run by themselves, and what follows when one fails.

    async with HealthChecks([Check(name="storage", probe=StorageProbe(driver))]) as health:
        await serve(HealthGate(app, health), ...)

While a check fails, the gate answers every request with the spec's `UNAVAILABLE`; it lets them through again as soon
as the check succeeds. What fails and why, `HealthChecks.report` tells.
"""

from holdfast.registry.health.check import Check
from holdfast.registry.health.checks import HealthChecks
from holdfast.registry.health.gate import HealthGate
from holdfast.registry.health.probes import FileProbe, HTTPProbe, StorageProbe, TCPProbe, UnhealthyError

__all__ = [
    "Check",
    "FileProbe",
    "HTTPProbe",
    "HealthChecks",
    "HealthGate",
    "StorageProbe",
    "TCPProbe",
    "UnhealthyError",
]
