from __future__ import annotations

import asyncio
import errno
import os
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from structlog.testing import capture_logs

from holdfast.storage import create
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import InvalidParameterError, PathNotFoundError, StorageError, StorageUnavailableError
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware.readcache import ReadCache
from holdfast.storage.middleware.readcache.options import ReadCacheOptions
from holdfast.testing import Fault, FaultPlan
from holdfast.testing.suite.acts import MIB, random_bytes, read
from tests.storage.middleware.counters import growth
from tests.storage.middleware.readcache.conftest import blob_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from tests.storage.middleware.readcache.conftest import Cached

pytestmark = pytest.mark.anyio

_CONTENT = random_bytes(3 * MIB + 17)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def _only_copy(cached: Cached) -> Path:
    (copy,) = _files(cached.folder)
    return copy


async def test_second_read_reads_nothing_from_the_store(cached: Cached) -> None:
    """The first whole read makes a copy; from then on the store is only asked whether the blob is there."""
    path = await cached.put(_CONTENT)
    assert _CONTENT == await read(cached.driver, path)
    cached.counting.expect({"stat": 1, "reader": 1})
    assert _CONTENT == await read(cached.driver, path)
    assert _CONTENT[5:MIB] == await read(cached.driver, path, offset=5, length=MIB - 5)
    assert b"" == await read(cached.driver, path, offset=len(_CONTENT))
    assert _CONTENT == await cached.driver.get_content(path)
    cached.counting.expect({"stat": 4})


async def test_small_content_is_kept_as_well(cached: Cached) -> None:
    """A manifest that is read at once costs one read, then one question."""
    path = await cached.put(b"small")
    assert b"small" == await cached.driver.get_content(path)
    cached.counting.expect({"get_content": 1})
    assert b"small" == await cached.driver.get_content(path)
    cached.counting.expect({"stat": 1})


async def test_reads_are_counted_by_what_answered_them(cached: Cached) -> None:
    """The share of hits says whether a cache is worth its disk; what may change isn't counted."""
    path = await cached.put(_CONTENT)
    hits, misses, parts = (growth("readcache_reads", result=result) for result in ("hit", "miss", "part"))
    await read(cached.driver, path, offset=5)
    await read(cached.driver, path)
    assert (0, 1, 1) == (hits(), misses(), parts())

    await read(cached.driver, path, offset=5)
    await cached.driver.get_content(path)
    await cached.driver.local_path(path)
    await cached.driver.put_content("/link", b"content")
    await cached.driver.get_content("/link")
    assert (3, 1, 1) == (hits(), misses(), parts())


async def test_a_copy_is_a_local_file(cached: Cached) -> None:
    """A server can send it itself; without a copy there is no local file, and nothing is asked."""
    path = await cached.put(_CONTENT)
    assert None is await cached.driver.local_path(path)
    cached.counting.expect({})
    await read(cached.driver, path)
    cached.counting.reset()
    local = await cached.driver.local_path(path)
    cached.counting.expect({"stat": 1})

    assert local is not None
    assert (len(_CONTENT), _CONTENT) == (local.size, await anyio.Path(local.path).read_bytes())


async def test_what_was_deleted_is_never_served(cached: Cached) -> None:
    """Not when it was deleted through the cache, and not when another process did it; the copy goes as well."""
    for is_ours in (True, False):
        path = await cached.put(_CONTENT)
        await read(cached.driver, path)
        assert 1 == len(cached.copies())
        await (cached.driver if is_ours else cached.faults.inner).delete(path)
        assert (0 if is_ours else 1) == len(cached.copies())
        with pytest.raises(PathNotFoundError):
            await read(cached.driver, path)
        with pytest.raises(PathNotFoundError):
            await cached.driver.get_content(path)

        assert {} == cached.copies()


async def test_a_deleted_blob_has_no_local_file(cached: Cached) -> None:
    """Its copy isn't handed over."""
    path = await cached.put(_CONTENT)
    await read(cached.driver, path)
    await cached.faults.inner.delete(path)

    with pytest.raises(PathNotFoundError):
        await cached.driver.local_path(path)


async def test_trust_saves_the_question_for_a_while(cached: Cached) -> None:
    """With `trust` a hit asks nothing; a deletion through the same cache counts at once."""
    driver = await cached.open(trust=3600)
    path = await cached.put(_CONTENT)
    await read(driver, path)
    cached.counting.reset()
    assert _CONTENT == await read(driver, path)
    assert None is not await driver.local_path(path)
    cached.counting.expect({})
    await driver.delete(path)

    with pytest.raises(PathNotFoundError):
        await read(driver, path)


async def test_a_store_that_fails_is_not_answered_for(cached: Cached) -> None:
    """That a copy is there doesn't say that the blob is: the error is passed on, and the copy stays."""
    path = await cached.put(_CONTENT)
    await read(cached.driver, path)
    cached.faults.plan = FaultPlan(faults=[Fault(op="stat")])
    with pytest.raises(StorageUnavailableError):
        await read(cached.driver, path)

    assert _CONTENT == await read(cached.driver, path)


@pytest.mark.parametrize("change", ["a byte", "its length", "everything"])
async def test_a_damaged_copy_is_dropped(cached: Cached, change: str) -> None:
    """It isn't served: the store is read again, and makes a new copy."""
    path = await cached.put(_CONTENT)
    await read(cached.driver, path)
    copy = _only_copy(cached)
    damaged = bytearray(_CONTENT)
    damaged[2 * MIB] ^= 1
    copy.write_bytes({"a byte": bytes(damaged), "its length": _CONTENT[:-1], "everything": b""}[change])
    cached.counting.reset()
    assert _CONTENT == await read(cached.driver, path)
    cached.counting.expect({"stat": 1, "reader": 1})

    assert [_CONTENT] == [*cached.copies().values()]


async def test_copies_outlive_the_process(cached: Cached) -> None:
    """Another cache on the folder uses them, after it has read each once."""
    path = await cached.put(_CONTENT)
    await read(cached.driver, path)
    await cached.driver.aclose()
    cached.counting.reset()
    assert _CONTENT == await read(await cached.open(), path)
    cached.counting.expect({"stat": 1})


async def test_a_copy_damaged_while_no_process_ran_is_dropped(cached: Cached) -> None:
    """The first use by a process reads the copy whole and compares its digest, whatever its times say."""
    path = await cached.put(_CONTENT)
    await read(cached.driver, path)
    copy = _only_copy(cached)
    before = copy.stat()
    copy.write_bytes(b"\0" + _CONTENT[1:])
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert _CONTENT == await read(await cached.open(), path)
    assert [_CONTENT] == [*cached.copies().values()]


async def test_content_that_is_not_what_its_digest_says_is_not_kept(cached: Cached) -> None:
    """The store's damage is passed on as it is, told in the log, and doesn't get into the cache."""
    path = await cached.put(_CONTENT)
    await cached.faults.inner.put_content(path, _CONTENT[::-1])
    with capture_logs() as logs:
        assert _CONTENT[::-1] == await read(cached.driver, path)
        assert _CONTENT[::-1] == await cached.driver.get_content(path)

    assert {} == cached.copies()
    assert path in {line.get("path") for line in logs}


async def test_what_may_change_is_not_kept(cached: Cached) -> None:
    """Only paths that tell a digest are: a tag's link is read from the store each time."""
    link = "/docker/registry/v2/repositories/a/_manifests/tags/v1/current/link"
    await cached.faults.inner.put_content(link, b"sha256:one")
    await cached.driver.get_content(link)
    await cached.faults.inner.put_content(link, b"sha256:two")

    assert b"sha256:two" == await cached.driver.get_content(link)
    assert {} == cached.copies()


async def test_a_part_makes_no_copy(cached: Cached) -> None:
    """A range of what isn't there yet is read from the store alone."""
    path = await cached.put(_CONTENT)
    assert _CONTENT[7:77] == await read(cached.driver, path, offset=7, length=70)

    assert {} == cached.copies()


async def test_many_readers_of_one_blob_read_it_once(cached: Cached) -> None:
    """Whoever comes while a copy is made reads along, whole and in order."""
    path = await cached.put(_CONTENT)
    found = await asyncio.gather(*(read(cached.driver, path) for _ in range(8)))

    assert [_CONTENT] * 8 == found
    assert 1 == cached.counting.counts["reader"]
    assert [_CONTENT] == [*cached.copies().values()]


async def test_the_last_reader_that_leaves_ends_the_copy(cached: Cached) -> None:
    """Leaving at the beginning, in the middle, or being cancelled leaves no file, and no room taken."""
    path = await cached.put(_CONTENT)
    async with cached.driver.reader(path):
        pass
    async with cached.driver.reader(path) as chunks:
        assert await anext(chunks)
    for turns in range(40):
        task = asyncio.create_task(read(cached.driver, path))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert {} == {name: content for name, content in cached.copies().items() if content != _CONTENT}

    assert _CONTENT == await read(cached.driver, path)
    assert [_CONTENT] == [*cached.copies().values()]
    assert len(_CONTENT) == int((cached.folder / "lock").read_bytes())


async def test_who_leaves_last_leaves_nothing_running(tmp_path: Path) -> None:
    """The store isn't read on for nobody: its reader is left before the last reader here has left."""
    inner = _Endless()
    path = blob_path(_CONTENT)
    await inner.put_content(path, _CONTENT)
    async with aclosing(ReadCache(inner, ReadCacheOptions(rootdirectory=str(tmp_path)))) as driver:
        async with driver.reader(path) as one, driver.reader(path) as two:
            assert await anext(one) == await anext(two)
            assert 1 == inner.open
        assert 0 == inner.open

    assert [] == _files(tmp_path)


class _Endless(ForwardingDriver):
    """Memory whose readers stop after their first chunk, until they are left."""

    def __init__(self) -> None:
        super().__init__(InMemoryDriver())
        self.open = 0

    @asynccontextmanager
    async def reader(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async def first() -> AsyncGenerator[bytes, None]:
            yield await anext(chunks)
            await asyncio.Event().wait()

        self.open += 1
        try:
            async with self.inner.reader(path, offset=offset, length=length) as chunks, aclosing(first()) as stuck:
                yield stuck
        finally:
            self.open -= 1


async def test_a_store_that_fails_in_the_middle_fails_all_readers(cached: Cached) -> None:
    """Nobody takes the beginning for the whole, nothing is kept, and the next reader starts anew."""
    path = await cached.put(_CONTENT)
    cached.faults.plan = FaultPlan(faults=[Fault(op="read", when="within", keep=MIB)])
    found = await asyncio.gather(*(read(cached.driver, path) for _ in range(3)), return_exceptions=True)

    assert [StorageUnavailableError] * 3 == [type(each) for each in found]
    assert {} == cached.copies()
    assert _CONTENT == await read(cached.driver, path)


async def test_a_full_disk_is_passed_by(cached: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reader gets everything from the store, and the log says so once."""
    path = await cached.put(_CONTENT)
    pwrite, written = os.pwrite, 0

    def full(file: int, data: bytes, at: int) -> int:
        nonlocal written
        written += len(data)
        if written > MIB:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(file, data, at)

    monkeypatch.setattr(os, "pwrite", full)
    with capture_logs() as logs:
        for _ in range(3):
            assert _CONTENT == await read(cached.driver, path)

    assert 1 == len(logs)
    monkeypatch.undo()
    assert {} == cached.copies()
    assert _CONTENT == await read(cached.driver, path)
    assert [_CONTENT] == [*cached.copies().values()]


async def test_a_folder_that_can_not_be_is_passed_by(cached: Cached) -> None:
    """Where a file is in its place, blobs are read from the store."""
    cached.folder.write_bytes(b"a file")
    path = await cached.put(_CONTENT)

    assert _CONTENT == await read(cached.driver, path)
    assert None is await cached.driver.local_path(path)


async def test_copies_take_no_more_than_their_size(cached: Cached) -> None:
    """What was used longest ago makes room, what was used meanwhile stays, and what is too large isn't kept."""
    driver = await cached.open(size=10 * MIB, maxfile=4 * MIB)
    paths = [await cached.put(random_bytes(MIB, seed)) for seed in range(20)]
    for number, path in enumerate(paths):
        await read(driver, path)
        await read(driver, paths[0])
        for copy in cached.folder.glob("sha256/*/*"):
            info = copy.stat()
            os.utime(copy, ns=(info.st_atime_ns - 100_000_000_000, info.st_mtime_ns))
        held = sum(map(len, cached.copies().values()))
        assert min(number + 1, 8) * MIB <= held <= 10 * MIB
    cached.counting.reset()
    await read(driver, paths[0])
    cached.counting.expect({"stat": 1})
    large = await cached.put(random_bytes(4 * MIB + 1))
    assert random_bytes(4 * MIB + 1) == await read(driver, large)

    assert MIB == max(map(len, cached.copies().values()))


async def test_copies_used_just_now_are_not_taken_away(cached: Cached) -> None:
    """Where they leave no room nothing new is kept: a server may be about to open one."""
    driver = await cached.open(size=2 * MIB, maxfile=2 * MIB)
    paths = [await cached.put(random_bytes(MIB, seed)) for seed in range(4)]
    for path in paths:
        await read(driver, path)

    assert {path.split("/")[-2] for path in paths[:2]} == {*cached.copies()}


async def test_what_a_dead_process_left_is_cleared_away(cached: Cached) -> None:
    """A copy that nobody makes any more goes when room is needed."""
    new = cached.folder / "new"
    new.mkdir(parents=True)
    (new / "0123").write_bytes(b"x" * MIB)
    await read(cached.driver, await cached.put(_CONTENT))

    assert [_CONTENT] == [*cached.copies().values()]


@pytest.mark.parametrize(
    "parameters", [{}, {"rootdirectory": "/x", "pattern": "("}, {"rootdirectory": "/x", "pattern": "/(?P<hex>x)"}]
)
def test_wrong_options_are_told(parameters: dict[str, str]) -> None:
    """A folder is needed, and a pattern with both groups."""
    with pytest.raises(InvalidParameterError):
        create("inmemory", {}, middleware=[("readcache", parameters)])


async def test_closing_ends_what_is_being_copied(cached: Cached) -> None:
    """A reader that is still open then gets an error, not an end, and no file is left."""
    path = await cached.put(_CONTENT)
    driver = await cached.open()
    found: list[bytes] = []

    async def rest(chunks: AsyncIterator[bytes]) -> None:
        found.extend([chunk async for chunk in chunks])

    async with driver.reader(path) as chunks:
        await driver.aclose()
        with pytest.raises(StorageError):
            await rest(chunks)

    assert {} == cached.copies()
