"""Content that clients fetch past us: by URL, and from the machine's own disk."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import pytest

from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.suite.acts import MIB, random_bytes
from holdfast.testing.suite.base import SuiteBase, requires, requires_lack

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["Redirecting"]

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class _Answer(NamedTuple):
    status: int
    length: str | None
    body: bytes


class Redirecting(SuiteBase):
    """`redirect_url` and `local_path`."""

    @requires("redirect_get")
    async def test_redirect_for_get_leads_to_the_content(self, driver: StorageDriver, scratch: str) -> None:
        """The URL answers with the content; it is fetched where it is plain HTTP on this machine."""
        content = random_bytes(MIB)
        await driver.put_content(f"{scratch}/file", content)
        url = await driver.redirect_url(f"{scratch}/file")
        answer = await _ask(url, "GET")

        assert answer is None or (200, content) == (answer.status, answer.body)

    @requires("redirect_head")
    async def test_redirect_for_head_leads_to_the_length(self, driver: StorageDriver, scratch: str) -> None:
        """The URL for `HEAD` answers a `HEAD`: with the length, and without a body."""
        await driver.put_content(f"{scratch}/file", random_bytes(32))
        answer = await _ask(await driver.redirect_url(f"{scratch}/file", method="HEAD"), "HEAD")

        assert answer is None or (200, "32", b"") == answer

    @requires("redirect_get")
    async def test_redirect_to_nothing_ends_in_not_found(self, driver: StorageDriver, scratch: str) -> None:
        """For a missing path there is no URL, or one that answers 404."""
        url = await driver.redirect_url(f"{scratch}/missing")
        answer = None if url is None else await _ask(url, "GET")

        assert answer is None or answer.status == 404

    @pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "get", ""])
    async def test_other_methods_are_not_redirected(self, driver: StorageDriver, scratch: str, method: str) -> None:
        """Only `GET` and `HEAD` may be."""
        await driver.put_content(f"{scratch}/file", b"x")

        assert None is await driver.redirect_url(f"{scratch}/file", method=method)

    @requires_lack("redirect_get")
    async def test_get_is_not_redirected_without_the_capability(self, driver: StorageDriver, scratch: str) -> None:
        """`None`, whether the file is there or not."""
        await driver.put_content(f"{scratch}/file", b"x")

        assert None is await driver.redirect_url(f"{scratch}/file")
        assert None is await driver.redirect_url(f"{scratch}/missing")

    @requires_lack("redirect_head")
    async def test_head_is_not_redirected_without_the_capability(self, driver: StorageDriver, scratch: str) -> None:
        """A `HEAD` is never sent to a URL signed for `GET`."""
        await driver.put_content(f"{scratch}/file", b"x")

        assert None is await driver.redirect_url(f"{scratch}/file", method="HEAD")

    @requires("local_path")
    async def test_local_path_leads_to_the_content(self, driver: StorageDriver, scratch: str) -> None:
        """The file on this machine has the content and the size."""
        for content in (b"", random_bytes(MIB)):
            await driver.put_content(f"{scratch}/file", content)
            local = await driver.local_path(f"{scratch}/file")

            assert local is not None
            assert Path(local.path).is_absolute()
            assert (len(content), content) == (local.size, await anyio.Path(local.path).read_bytes())

    @requires("local_path")
    async def test_local_path_of_nothing_is_not_found(self, driver: StorageDriver, scratch: str) -> None:
        """A path that is missing, or is only being written, has no local file."""
        writer = await driver.writer(f"{scratch}/file")
        await writer.write(b"x")
        await writer.close()

        for path in (f"{scratch}/file", f"{scratch}/missing"):
            with pytest.raises(PathNotFoundError):
                await driver.local_path(path)

    @requires_lack("local_path")
    async def test_no_local_path_without_the_capability(self, driver: StorageDriver, scratch: str) -> None:
        """`None`, whether the file is there or not."""
        await driver.put_content(f"{scratch}/file", b"x")

        assert None is await driver.local_path(f"{scratch}/file")
        assert None is await driver.local_path(f"{scratch}/missing")


async def _ask(url: str | None, method: str) -> _Answer | None:
    """Ask a URL, where it is plain HTTP on this machine; `None` where it is elsewhere."""
    if url is None:
        pytest.fail(f"a driver with the capability gave no URL for {method}")
    parts = urlsplit(url)
    assert parts.scheme in {"http", "https"}
    assert parts.hostname
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        return None
    return await anyio.to_thread.run_sync(_ask_now, url, method)


def _ask_now(url: str, method: str) -> _Answer:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, method=method)  # noqa: S310 - http on loopback, checked by the caller
    try:
        with opener.open(request, timeout=30) as response:
            return _Answer(response.status, response.headers["Content-Length"], response.read())
    except urllib.error.HTTPError as error:
        with error:
            return _Answer(error.code, error.headers["Content-Length"], b"")
