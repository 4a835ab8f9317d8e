"""The driver of a bridge over a backend of our own, which can be made to fail."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest
import structlog

from holdfast.storage import InvalidPathError, PathNotFoundError
from holdfast.storage.drivers._bridge.backend import Traits
from holdfast.storage.drivers._bridge.driver import BridgeDriver
from holdfast.storage.errors import AccessDeniedError, StorageUnavailableError
from tests.storage.drivers.bridge.folder_backend import FolderBackend

pytestmark = pytest.mark.anyio

_TREE = Traits(tree=True, rename=True, replaces=True, removes_empty=True)
_MIB = 1024 * 1024


def _driver(backend: FolderBackend) -> BridgeDriver:
    return BridgeDriver("bridge", backend, chunksize=_MIB, buffermemory=64 * _MIB)


class _Pruned(FolderBackend):
    """Somebody else, who has deleted the last file of a directory, removes it just before a rename."""

    times = 3

    async def rename(self, source: str, path: str) -> None:
        if self.times and path == "d/e/file":
            self.times -= 1
            self.directories -= {"d/e", "d"}
        await super().rename(source, path)


class _Refusing(FolderBackend):
    """Takes the beginning of what is written."""

    async def save(self, path: str, chunks: AsyncIterator[bytes], *, size: int, create_only: bool = False) -> None:
        await super().save(path, chunks, size=size, create_only=create_only)
        raise AccessDeniedError("enough")


class _Waiting(FolderBackend):
    """Takes no whole part before it is told to."""

    def __init__(self, traits: Traits) -> None:
        super().__init__(traits)
        self.told = asyncio.Event()

    async def save(self, path: str, chunks: AsyncIterator[bytes], *, size: int, create_only: bool = False) -> None:
        if size == _MIB:
            await self.told.wait()
        await super().save(path, chunks, size=size, create_only=create_only)


async def test_directory_is_made_again() -> None:
    """A directory that is removed while a file is on its way into it is made again."""
    backend = _Pruned(_TREE)
    driver = _driver(backend)
    await driver.put_content("/d/e/file", b"content")

    assert {"d/e/file": b"content"} == backend.files
    await driver.aclose()


async def test_directories_go_with_their_last_file() -> None:
    """Those that are left empty are removed, up to one in which something is."""
    backend = FolderBackend(_TREE)
    driver = _driver(backend)
    for path in ("/a/b/c/one", "/a/b/c/two", "/a/x"):
        await driver.put_content(path, b"x")
    await driver.delete("/a/b/c/one")
    assert "a/b/c" in backend.directories
    await driver.move("/a/b/c/two", "/a/two")

    assert {"a", ".uploads~"} == backend.directories
    await driver.aclose()


async def test_directories_stay_where_removing_one_could_take_content() -> None:
    """Where a backend's word for it takes all that is in a directory, none is removed, and empty ones don't show."""
    backend = FolderBackend(Traits(tree=True, rename=True, replaces=True))
    driver = _driver(backend)
    await driver.put_content("/a/b/file", b"x")
    await driver.delete("/a")

    assert {"a", "a/b", ".uploads~"} == backend.directories
    assert [] == await driver.list("/")
    with pytest.raises(PathNotFoundError):
        await driver.stat("/a")
    await driver.aclose()


async def test_failed_put_leaves_nothing() -> None:
    """The old content stands, and what was written is gone."""
    backend = _Refusing(_TREE)
    backend.files["file"] = b"old"
    driver = _driver(backend)
    with pytest.raises(AccessDeniedError):
        await driver.put_content("/file", b"new")

    assert {"file": b"old"} == backend.files
    await driver.aclose()


async def test_refused_names_leave_nothing() -> None:
    """A file below a file, or over a directory, is refused, and nothing is left of it."""
    backend = FolderBackend(_TREE)
    driver = _driver(backend)
    await driver.put_content("/d/file", b"x")
    for path in ("/d/file/below", "/d/file/far/below", "/d"):
        with pytest.raises(InvalidPathError):
            await driver.put_content(path, b"y")
        with pytest.raises(InvalidPathError):
            await driver.writer(path)

    assert {"d/file": b"x"} == backend.files
    await driver.aclose()


async def test_what_a_killed_put_leaves_is_found() -> None:
    """It is an unfinished write, at its path as far as that is known, and can be thrown away."""
    upload = "0123456789abcdef" * 2
    backend = FolderBackend(_TREE)
    driver = _driver(backend)
    backend.directories.add(".uploads~")
    backend.files[f".uploads~/~{upload}~d~file"] = b"half"
    found = [left async for left in driver.list_uploads("/d")]

    assert ["/d/file"] == [left.path for left in found]
    assert [] == [left async for left in driver.list_uploads("/e")]
    assert [] == await driver.list("/")
    await driver.abort_upload(found[0])
    assert {} == backend.files
    await driver.aclose()


async def test_parts_of_a_long_path_are_found() -> None:
    """An unfinished write of parts to the longest path is found, continued and thrown away."""
    path = f"/{'d' * 255}/{'e' * 255}/{'f' * 255}/{'g' * 250}"
    backend = FolderBackend(_TREE)
    driver = _driver(backend)
    for _ in range(2):
        writer = await driver.writer(path)
        await writer.write(bytes(3 * _MIB))
        await writer.close()

    assert max(len(name) for file in backend.files for name in file.split("/")) <= 255
    assert [path] == [left.path async for left in driver.list_uploads("/")]
    writer = await driver.writer(path, append=True)
    await writer.write(b"end")
    await writer.commit()
    assert 3 * _MIB + 3 == (await driver.stat(path)).size
    assert [path.replace("/", "", 1)] == list(backend.files)
    await driver.delete("/")
    assert ({}, {".uploads~"}) == (backend.files, backend.directories)
    await driver.aclose()


async def test_thrown_away_meanwhile() -> None:
    """Content that is thrown away before it is in its place is written again, and failing that it is told."""

    class Losing(FolderBackend):
        async def rename(self, source: str, path: str) -> None:
            del self.files[source]
            await super().rename(source, path)

    backend = Losing(_TREE)
    bridge = _driver(backend)
    with pytest.raises(StorageUnavailableError):
        await bridge._bridge.put("file", b"content")

    assert {} == backend.files
    await bridge.aclose()


async def test_backend_that_can_not_replace_is_told() -> None:
    """Once, when the driver is made; content is written in place then."""
    backend = FolderBackend(Traits(tree=True))
    with structlog.testing.capture_logs() as logs:
        driver = _driver(backend)
    await driver.put_content("/d/file", b"content")

    assert ["warning"] == [line["log_level"] for line in logs]
    assert {"d/file": b"content"} == backend.files
    await driver.aclose()


async def test_parts_do_not_queue_in_memory() -> None:
    """While two parts are on their way, one more is collected, and the writer waits."""
    backend = _Waiting(_TREE)
    driver = _driver(backend)
    writer = await driver.writer("/file")

    async def write() -> None:
        for _ in range(8):
            await writer.write(bytes(_MIB))

    writing = asyncio.create_task(write())
    await anyio.wait_all_tasks_blocked()
    accepted = writer.size
    backend.told.set()
    await writing
    await writer.commit()

    assert 3 * _MIB == accepted
    assert {"file": bytes(8 * _MIB)} == backend.files
    await driver.aclose()
