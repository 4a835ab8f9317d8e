import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from tests.registry.certificates import Authority
from tests.registry.serving import Running, answer, ok, running, terminate

pytestmark = pytest.mark.anyio


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A new certificate authority."""
    return Authority(tmp_path)


async def _serial(server: Running, authority: Authority) -> str:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=authority.trusting())
    found: str = writer.get_extra_info("peercert")["serialNumber"]
    writer.transport.abort()
    return found


def _replace(certificate: Path, key: Path, by: tuple[Path, Path]) -> None:
    by[0].replace(certificate)
    by[1].replace(key)


async def _renewed(logs: Sequence[Mapping[str, Any]], event: str) -> None:
    """Return when the log has it; a log is all that tells of a renewal."""
    with anyio.fail_after(20):
        while not any(str(entry["event"]).startswith(event) for entry in logs):  # noqa: ASYNC110 see above
            await asyncio.sleep(0.01)


async def test_certificate_is_renewed_without_losing_a_request(authority: Authority) -> None:
    """After SIGHUP new connections get the new certificate, and a request under way finishes with the old one."""
    started, finish = asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        started.set()
        await finish.wait()
        await answer(send)

    tls = authority.options()
    with capture_logs() as logs:
        async with running(app, tls=tls) as server, authority.client() as client:
            before = await _serial(server, authority)
            request = asyncio.create_task(client.get(f"https://{server.address}/"))
            await started.wait()
            _replace(tls.certificate, tls.key, authority.issue("next"))
            os.kill(os.getpid(), signal.SIGHUP)
            await _renewed(logs, "certificate renewed")
            after = await _serial(server, authority)

            assert before != after

            terminate()
            await server.refused()
            finish.set()

            assert 200 == (await request).status_code

            await server.stopped()


async def test_bad_renewal_keeps_the_old_certificate(authority: Authority) -> None:
    """A new certificate that can't be used is logged in one line, and the server goes on with what it has."""
    tls = authority.options()
    with capture_logs() as logs:
        async with running(ok, tls=tls) as server:
            before = await _serial(server, authority)
            tls.certificate.write_text("nothing")
            os.kill(os.getpid(), signal.SIGHUP)
            await _renewed(logs, "the new certificate can't be used")

            assert before == await _serial(server, authority)

    assert [f"http.tls.certificate: {tls.certificate} has no certificate in PEM form, or a damaged one"] == [
        entry["reason"] for entry in logs if entry["log_level"] == "error"
    ]
