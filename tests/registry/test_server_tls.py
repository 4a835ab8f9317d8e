import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
import trustme
from starlette.types import Receive, Scope, Send

from tests.registry.certificates import Authority
from tests.registry.serving import GET, Running, answer, echo_length, ok, running, terminate

pytestmark = pytest.mark.anyio

# In TLS 1.3 a client learns only when it reads that its certificate was refused.
_REFUSED = (httpx.TransportError, ssl.SSLError)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A new certificate authority."""
    return Authority(tmp_path)


async def _open(server: Running, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port, ssl=context)


async def _version(server: Running, context: ssl.SSLContext) -> str | None:
    _, writer = await _open(server, context)
    version: str | None = writer.get_extra_info("ssl_object").version()
    writer.transport.abort()
    return version


async def _curl(server: Running, authority: Authority, *arguments: str) -> bytes:
    """What curl prints."""
    if shutil.which("curl") is None:
        pytest.skip("curl isn't installed")
    fixed = ("curl", "-sS", "--noproxy", "*", "--cacert", str(authority.file), f"https://{server.address}/")
    process = await asyncio.create_subprocess_exec(*fixed, *arguments, stdout=-1, stderr=-1)
    out, err = await process.communicate()

    assert b"" == err

    return out


@pytest.mark.parametrize("http2", [True, False])
async def test_http2_is_negotiated_unless_it_is_disabled(authority: Authority, http2: bool) -> None:  # noqa: FBT001 a parameter
    """A client that offers HTTP/2 gets it, and HTTP/1.1 from a server where it is off; the scheme is https."""
    schemes: list[str] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        schemes.append(scope["scheme"])
        await answer(send)

    async with running(app, tls=authority.options(), http2=http2) as server, authority.client(http2=True) as client:
        response = await client.get(f"https://{server.address}/")

    assert ("HTTP/2" if http2 else "HTTP/1.1", 200) == (response.http_version, response.status_code)
    assert ["https"] == schemes


@pytest.mark.parametrize("http2", [True, False])
@pytest.mark.parametrize("announced", [True, False])
async def test_large_upload_arrives_whole(authority: Authority, http2: bool, announced: bool) -> None:  # noqa: FBT001 parameters
    """A body larger than every buffer arrives whole, with a length and in chunks, in both versions of HTTP."""
    size = 24 * 1024 * 1024

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(24):
            yield bytes(1024 * 1024)

    headers = {"content-length": str(size)} if announced else {}
    async with running(echo_length, tls=authority.options()) as server, authority.client(http2=http2) as client:
        response = await client.put(f"https://{server.address}/", content=chunks(), headers=headers)

    assert f"{size}" == response.text


async def test_frames_are_as_large_as_a_client_likes(authority: Authority) -> None:
    """A client that uses the largest frame it is offered needs a message for each 256 KiB, not for each 16."""
    messages = 0

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal messages
        while (await receive())["more_body"]:
            messages += 1
        await answer(send)

    async with running(app, tls=authority.options()) as server, authority.client(http2=True) as client:
        url = f"https://{server.address}/"
        await client.get(url)  # what is offered has arrived with the first answer
        messages = 0
        await client.put(url, content=bytes(8 * 1024 * 1024))

    assert 32 <= messages < 64


async def test_header_fields_without_end_are_refused(authority: Authority) -> None:
    """A request's header fields are held in memory up to a limit, in HTTP/2 as in HTTP/1."""
    fields = {f"x-{number}": "a" * 1000 for number in range(200)}
    async with running(ok, tls=authority.options()) as server, authority.client(http2=True) as client:
        url = f"https://{server.address}/"
        assert 200 == (await client.get(url, headers=dict(list(fields.items())[:50]))).status_code

        # By status or by ending the connection, as the fields happen to come.
        with pytest.raises((httpx.HTTPStatusError, httpx.RemoteProtocolError)):
            (await client.get(url, headers=fields)).raise_for_status()


async def test_file_arrives_whole_over_http2(authority: Authority, tmp_path: Path) -> None:
    """A file that the server sends by itself arrives whole in HTTP/2, and HEAD tells its length."""
    file = tmp_path / "file"
    file.write_bytes(os.urandom(5_000_000))

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % file.stat().st_size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "http.response.pathsend", "path": str(file)})

    async with running(app, tls=authority.options()) as server, authority.client(http2=True) as client:
        url = f"https://{server.address}/"
        whole, head = await client.get(url), await client.head(url)

    assert file.read_bytes() == whole.content
    assert ("5000000", b"") == (head.headers["content-length"], head.content)


async def test_http2_answers_while_another_upload_waits(authority: Authority) -> None:
    """A stalled upload doesn't hold up another request on the same connection."""
    stalled = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await stalled.wait()
        yield b"b"

    async with running(echo_length, tls=authority.options()) as server, authority.client(http2=True) as client:
        url = f"https://{server.address}/"
        upload = asyncio.create_task(client.put(url, content=slow()))
        first = await client.get(url)
        stalled.set()

        assert ("0", "2") == (first.text, (await upload).text)


async def test_another_client_library_gets_in(authority: Authority) -> None:
    """A client built on other libraries for TLS and HTTP/2 gets in, too."""
    async with running(echo_length, tls=authority.options()) as server:
        assert b"5 2" == await _curl(server, authority, "--http2", "--data-binary", "12345", "-w", " %{http_version}")


async def test_lowest_version_is_kept_to(authority: Authority) -> None:
    """TLS 1.2 is refused where 1.3 is the lowest, and accepted where 1.2 is; both can have 1.3."""
    old = authority.trusting()
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    async with running(ok, tls=authority.options(minimum="tls1.2")) as server:
        assert "TLSv1.2" == await _version(server, old)
        assert "TLSv1.3" == await _version(server, authority.trusting())

    async with running(ok, tls=authority.options(minimum="tls1.3")) as server:
        with pytest.raises(ssl.SSLError, match="VERSION"):
            await _version(server, old)

        assert "TLSv1.3" == await _version(server, authority.trusting())


async def test_versions_before_the_first_of_the_server_are_taken_as_at_least(authority: Authority) -> None:
    """`tls1.0` means at least that: 1.2 is spoken, nothing older."""
    async with running(ok, tls=authority.options(minimum="tls1.0")) as server:
        old = authority.trusting()
        old.maximum_version = ssl.TLSVersion.TLSv1_2

        assert "TLSv1.2" == await _version(server, old)


@pytest.mark.parametrize("key_type", list(trustme.KeyType))
async def test_both_kinds_of_keys_serve(authority: Authority, key_type: trustme.KeyType) -> None:
    """An RSA and an ECDSA certificate serve, with the cipher suites that Distribution has by default."""
    kind = "RSA" if key_type is trustme.KeyType.RSA else "ECDSA"
    ciphers = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
    suites = tuple(f"TLS_ECDHE_{kind}_WITH_{cipher}" for cipher in ciphers)
    tls = authority.options(key_type=key_type, cipher_suites=suites)
    async with running(ok, tls=tls) as server, authority.client() as client:
        assert 200 == (await client.get(f"https://{server.address}/")).status_code


async def test_client_without_a_certificate_of_ours_is_refused(authority: Authority, tmp_path: Path) -> None:
    """Where clients need a certificate, those of every configured authority get in, and nobody else."""
    (tmp_path / "second").mkdir()
    (tmp_path / "third").mkdir()
    second, stranger = Authority(tmp_path / "second"), Authority(tmp_path / "third")
    tls = authority.options(client_cas=(authority.file, second.file))
    seen = []
    async with running(ok, tls=tls) as server:
        for certificate in (authority.issue("one"), second.issue("two"), stranger.issue("three"), None):
            async with authority.client(certificate=certificate) as client:
                try:
                    seen.append((await client.get(f"https://{server.address}/")).status_code)
                except _REFUSED:
                    seen.append(0)

    assert [200, 200, 0, 0] == seen


async def test_client_certificate_may_be_optional(authority: Authority, tmp_path: Path) -> None:
    """With `verify-client-cert-if-given` a client without one gets in, and one with a stranger's doesn't."""
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    tls = authority.options(client_cas=(authority.file,), client_auth="verify-client-cert-if-given")
    async with running(ok, tls=tls) as server:
        async with authority.client() as client:
            assert 200 == (await client.get(f"https://{server.address}/")).status_code
        async with authority.client(certificate=stranger.issue()) as client:
            with pytest.raises(_REFUSED):
                await client.get(f"https://{server.address}/")


async def test_plain_http_gets_no_answer(authority: Authority) -> None:
    """A client that speaks plain HTTP to a TLS port is let go of, and the server goes on."""
    async with running(ok, tls=authority.options()) as server:
        reader, _ = await server.connect(GET)
        with contextlib.suppress(ConnectionResetError):
            assert not (await reader.read()).startswith(b"HTTP")
        async with authority.client() as client:
            assert 200 == (await client.get(f"https://{server.address}/")).status_code


async def test_stalled_handshakes_hold_nobody_up(authority: Authority) -> None:
    """A hundred clients that connect and say nothing keep neither others nor the stop waiting."""
    async with running(ok, tls=authority.options(), drain_timeout=30) as server:
        for _ in range(100):
            await server.connect(b"\x16\x03\x01")
        async with authority.client() as client:
            assert 200 == (await client.get(f"https://{server.address}/")).status_code
        begin = time.monotonic()
        terminate()
        await server.stopped()

        assert 5 > time.monotonic() - begin


@pytest.mark.parametrize("version", ["1.1", "2"])
async def test_running_request_finishes_after_the_signal(authority: Authority, version: str) -> None:
    """The drain works over TLS as it does without: the request that runs is answered, then all ends."""
    started, finish = asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        started.set()
        await finish.wait()
        await answer(send)

    async with running(app, tls=authority.options()) as server:
        request = asyncio.create_task(
            _curl(server, authority, f"--http{version}", "-w", " %{http_code} %{http_version}")
        )
        await started.wait()
        terminate()
        await server.refused()
        finish.set()

        assert f"ok 200 {version}".encode() == await request
        await server.stopped()


@pytest.mark.parametrize(("version", "connection"), [("1.1", "close"), ("2", "")])
async def test_cut_off_request_is_told_in_its_version_of_http(
    authority: Authority, version: str, connection: str
) -> None:
    """A request over time gets the 503 that it can retry, in HTTP/2 without HTTP/1's header fields."""
    started = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        started.set()
        await asyncio.Event().wait()

    async with running(app, tls=authority.options(), drain_timeout=0.05) as server:
        said = " %{http_code} %header{retry-after} %header{connection}"
        request = asyncio.create_task(_curl(server, authority, f"--http{version}", "-w", said))
        await started.wait()
        terminate()
        body, status, retry, closing = (await request).decode().rsplit(" ", 3)
        await server.stopped()

    assert ("503", "1", connection) == (status, retry, closing)
    assert "UNAVAILABLE" in body


async def test_client_that_reads_nothing_is_closed(authority: Authority, tmp_path: Path) -> None:
    """A download that its client doesn't read holds the stop up no longer than the drain."""
    file = tmp_path / "file"
    file.write_bytes(bytes(32 * 1024 * 1024))

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % file.stat().st_size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.pathsend", "path": str(file)})

    async with running(app, tls=authority.options(), drain_timeout=0.1) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            wrap = authority.trusting().wrap_socket
            client = await asyncio.to_thread(wrap, plain, server_hostname="localhost")
            with client:
                client.sendall(GET)
                await asyncio.to_thread(client.recv, 1)
                terminate()
                with anyio.fail_after(10):
                    await server.stopped()

                assert client.fileno() > 0
