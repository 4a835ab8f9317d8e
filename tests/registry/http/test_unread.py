import asyncio
import os

import httpx
import pytest

from holdfast.registry.http import unread
from tests.registry.asgi import RawRequest
from tests.registry.client import NAME, Client, digest_of
from tests.registry.serving import running
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

LARGE = 5_000_000
UNKNOWN = f"/v2/{NAME}/blobs/uploads/00000000-0000-0000-0000-000000000000"

REFUSED = [
    ("PUT", f"/v2/{NAME}/manifests/latest", 413),
    ("PUT", UNKNOWN + f"?digest={digest_of(b'')}", 404),
    ("PATCH", UNKNOWN, 404),
    ("POST", "/v2/No/blobs/uploads/", 400),
    ("PUT", f"/v2/{NAME}/tags/list", 405),
    ("DELETE", f"/v2/{NAME}/blobs/{digest_of(b'')}", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), REFUSED)
async def test_client_gets_the_answer(storage: Storage, method: str, path: str, status: int) -> None:
    """A client that reads nothing before it has sent everything gets its refusal, and its connection goes on."""
    async with storage.app() as app, running(app) as server, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{server.port}"
        for _ in range(3):
            response = await client.request(method, url + path, content=os.urandom(LARGE))
            assert status == response.status_code
        assert 200 == (await client.get(f"{url}/v2/")).status_code


async def test_too_much(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound the answer is sent with `Connection: close`, and no more is read."""
    monkeypatch.setattr(unread, "_MOST_BYTES", 1000)
    request = RawRequest(client.app, "PATCH", UNKNOWN, headers={"content-length": "1000000"})
    request.send(bytes(2000))
    await asyncio.wait_for(request.task, 5)

    assert 404 == request.status
    assert "close" == request.headers["connection"]


async def test_silence(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that waits for an answer before it goes on sending gets it, with `Connection: close`."""
    monkeypatch.setattr(unread, "_IDLE_SECONDS", 0.01)
    request = RawRequest(client.app, "PATCH", UNKNOWN, headers={"content-length": "1000000"})
    await asyncio.wait_for(request.task, 5)

    assert 404 == request.status
    assert "close" == request.headers["connection"]


async def test_leave_asked(client: Client) -> None:
    """A client that asks for leave to send its body is refused without waiting for the body."""
    headers = {"content-length": "1000000", "expect": "100-continue"}
    request = RawRequest(client.app, "PATCH", UNKNOWN, headers=headers)
    await asyncio.wait_for(request.task, 1)

    assert 404 == request.status


async def test_body_that_was_read(client: Client) -> None:
    """A refusal after the whole body was read waits for nothing, and leaves the connection open."""
    request = RawRequest(client.app, "PUT", f"/v2/{NAME}/manifests/latest", headers={"content-length": "7"})
    request.send(b"garbage", more=False)
    await asyncio.wait_for(request.task, 1)

    assert 400 == request.status
    assert "connection" not in request.headers
