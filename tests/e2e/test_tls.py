import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.registry.certificates import Authority
from tests.services.holdfast_server import HoldfastServer, ServedTLS
from tests.services.server import ServerError, free_port

pytestmark = pytest.mark.e2e


def _until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Return when something holds that no event tells of."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            pytest.fail("it never came to hold")
        time.sleep(0.02)


def _served(authority: Authority) -> ServedTLS:
    certificate, key = authority.issue()
    return ServedTLS(certificate=certificate, key=key, authority=authority.file)


def test_registry_with_everything_on_is_operated(tmp_path: Path) -> None:
    """One process serves TLS, counts, tells its health, is taken out of service and back, renews, and ends cleanly."""
    authority = Authority(tmp_path)
    down, port = tmp_path / "down", free_port()
    config: dict[str, dict[str, object]] = {
        "http": {"debug": {"addr": f"127.0.0.1:{port}", "prometheus": {"enabled": True}}},
        "health": {"storagedriver": {"enabled": True}, "file": [{"file": str(down), "interval": "20ms"}]},
    }
    tls = _served(authority)
    with (
        HoldfastServer(root=tmp_path / "root", scratch=tmp_path / "scratch", config=config, tls=tls) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as operator,
        httpx.Client(base_url=server.url, verify=authority.trusting(), http2=True, trust_env=False) as client,
    ):
        answer = client.get("/v2/")

        assert (200, "HTTP/2") == (answer.status_code, answer.http_version)
        assert (200, {}) == ((health := operator.get("/debug/health")).status_code, health.json())
        assert 'registry_http_requests_total{code="200",handler="base",method="get"}' in operator.get("/metrics").text

        down.touch()
        _until(lambda: operator.get("/debug/health").status_code == 503)

        assert "UNAVAILABLE" == client.get("/v2/").json()["errors"][0]["code"]

        down.unlink()
        _until(lambda: operator.get("/debug/health").status_code == 200)

        assert 200 == client.get("/v2/").status_code

        authority.issue()
        os.kill(server.pid, signal.SIGHUP)
        _until(lambda: "certificate renewed" in server.output())

        with httpx.Client(base_url=server.url, verify=authority.trusting(), trust_env=False) as later:
            assert 200 == later.get("/v2/").status_code

        client.close()

        assert 0 == server.stop()

    assert "Traceback" not in server.output()


def test_bad_certificate_is_one_line(tmp_path: Path) -> None:
    """A registry that can't serve its certificate ends with one line that says why, and no traceback."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue_expired()
    tls = ServedTLS(certificate=certificate, key=key, authority=authority.file)
    with pytest.raises(ServerError) as caught:
        HoldfastServer(root=tmp_path / "root", scratch=tmp_path / "scratch", tls=tls).start()

    said = str(caught.value).splitlines()

    assert 1 == sum("expired on" in line for line in said)
    assert "Traceback" not in str(caught.value)
