import json

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from holdfast.registry.health import Check, HealthChecks, HealthGate, UnhealthyError
from tests.registry.health.test_checks import Probe
from tests.registry.serving import answer, running

pytestmark = pytest.mark.anyio


async def test_requests_are_refused_while_a_check_fails_and_served_again_after() -> None:
    """A failing check answers with the spec's error to whatever is asked; its success lets requests through again."""
    probe, served = Probe(), []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        served.append(scope["path"])
        await answer(send)

    checks = HealthChecks([Check(name="it", probe=probe, interval=0.001)])
    async with checks as health, running(HealthGate(app, health)) as server, httpx.AsyncClient() as client:
        url = f"http://{server.address}"
        await probe.asked(1)
        before = await client.get(f"{url}/before")
        probe.error = UnhealthyError("it burns")
        await probe.asked(1)
        refused = [await client.get(f"{url}/v2/"), await client.put(f"{url}/v2/a/blobs/uploads/1", content=b"1" * 100)]
        probe.error = None
        await probe.asked(1)
        after = await client.get(f"{url}/after")

    assert [200, 503, 503, 200] == [answer.status_code for answer in (before, *refused, after)]
    assert ["/before", "/after"] == served

    body = json.loads(refused[0].content)

    assert ["UNAVAILABLE"] == [error["code"] for error in body["errors"]]
    assert "/debug/health" in body["errors"][0]["detail"]
    assert "burns" not in refused[0].text
