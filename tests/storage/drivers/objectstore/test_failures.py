import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from holdfast.storage import FileWriter, ops
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.errors import AccessDeniedError, PathNotFoundError, StorageError, StorageUnavailableError
from tests.storage.drivers.objectstore.faults import NthFault
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store
from tests.storage.drivers.objectstore.stage import PATH, cleared, content, is_quiet, opened, text, unfinished

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_sizes")]

_OLD = b"the old content, of some length"


@dataclass
class _Client:
    """Somebody who writes, and notes what was promised.

    Attributes:
        before: The tasks that were there before.
        written: What was given to the writer that was opened last, and to those that it continues.
        kept: What the last `close` that succeeded has kept; `None` where no unfinished write is promised.
        perhaps: What a `commit` was tried with.
        shown: What the last `commit` that succeeded has made the content.
        unsure: Whether a `commit` or `cancel`, or a start anew, has failed since then.
    """

    driver: ObjectStoreDriver
    before: set[asyncio.Task[Any]] = field(default_factory=asyncio.all_tasks)
    written: bytes = b""
    kept: bytes | None = None
    perhaps: list[bytes] = field(default_factory=list)
    shown: bytes | None = None
    unsure: bool = False

    @asynccontextmanager
    async def writer(self, *, append: bool = False) -> AsyncIterator[FileWriter]:
        """Open; and close whatever happens, as everybody has to."""
        if not append:
            self.unsure = True  # what was kept may be thrown away from now on
        writer = await self.driver.writer(PATH, append=append)
        if not append:
            self.written, self.kept, self.unsure = b"", None, False
        try:
            yield writer
        finally:
            await ops.close_writer(writer)

    async def write(self, writer: FileWriter, size: int) -> None:
        """Write so many bytes more, a few at a time."""
        while size:
            chunk = text(min(7, size), len(self.written))
            self.written += chunk
            await writer.write(chunk)
            size -= len(chunk)

    async def close(self, writer: FileWriter) -> None:
        """Close, and expect all of it to be kept."""
        await writer.close()
        self.kept = self.written

    async def commit(self, writer: FileWriter) -> None:
        """Commit, and expect all of it to show."""
        self.perhaps.append(self.written)
        self.unsure = True
        await writer.commit()
        self.shown, self.kept, self.unsure = self.written, None, False

    async def cancel(self, writer: FileWriter) -> None:
        """Cancel, and expect nothing to be kept."""
        self.unsure = True
        await writer.cancel()
        self.kept, self.unsure = None, False


async def _small(client: _Client) -> None:
    async with client.writer() as writer:
        await client.write(writer, 3)
        await client.commit(writer)


async def _large(client: _Client) -> None:
    async with client.writer() as writer:
        await client.write(writer, 45)
        await client.commit(writer)


async def _sessions(client: _Client) -> None:
    async with client.writer() as writer:
        await client.write(writer, 3)
        await client.close(writer)
    for size in (8, 15, 0, 22):
        async with client.writer(append=True) as writer:
            await client.write(writer, size)
            await client.close(writer)
    async with client.writer(append=True) as writer:
        await client.write(writer, 5)
        await client.commit(writer)


async def _appended_to_content(client: _Client) -> None:
    async with client.writer(append=True) as writer:
        client.written = _OLD
        await client.write(writer, 13)
        await client.close(writer)
    async with client.writer(append=True) as writer:
        await client.write(writer, 2)
        await client.commit(writer)


async def _cancelled(client: _Client) -> None:
    async with client.writer() as writer:
        await client.write(writer, 21)
        await client.close(writer)
    async with client.writer(append=True) as writer:
        await client.write(writer, 21)
        await client.cancel(writer)


async def _begun_anew(client: _Client) -> None:
    async with client.writer() as writer:
        await client.write(writer, 21)
        await client.close(writer)
    async with client.writer() as writer:
        await client.write(writer, 30)
        await client.close(writer)
    async with client.writer(append=True) as writer:
        await client.commit(writer)


_Scenario = Callable[[_Client], Awaitable[None]]

_SCENARIOS: dict[str, _Scenario] = {
    "small": _small,
    "large": _large,
    "sessions": _sessions,
    "appended to content": _appended_to_content,
    "cancelled": _cancelled,
    "begun anew": _begun_anew,
}

_scenarios = pytest.mark.parametrize("scenario", _SCENARIOS.values(), ids=_SCENARIOS)
_stores = pytest.mark.parametrize("equal_parts", [False, True], ids=["any parts", "equal parts"])


def _client(*, equal_parts: bool) -> tuple[Store, _Client]:
    store = Store()
    MemoryBucket(store).keep(PATH[1:], _OLD)
    return store, _Client(opened(store, equal_parts=equal_parts))


async def _check(store: Store, client: _Client) -> None:
    """What has to hold whatever has failed."""
    store.fail = Store().fail
    shows = await content(store)
    goes_on = await unfinished(store)

    assert await is_quiet(client.driver, before=client.before)
    assert shows in ({client.shown} if client.shown else {_OLD}) | ({*client.perhaps} if client.unsure else set())
    if client.kept is not None and not client.unsure:
        assert goes_on is not None
        assert goes_on.startswith(client.kept)
    if goes_on is not None:
        assert client.unsure or client.written.startswith(goes_on)
    await client.driver.aclose()
    assert await cleared(store)


async def _count(scenario: _Scenario, *, equal_parts: bool) -> int:
    """How many moments a scenario has at which a request can fail."""
    store, client = _client(equal_parts=equal_parts)
    store.fail = counting = NthFault(first=10**9)
    await scenario(client)
    await _check(store, client)
    return counting.seen


@_scenarios
@_stores
async def test_one_lost_request_is_never_noticed(scenario: _Scenario, *, equal_parts: bool) -> None:
    """Any one request may fail, before or after it has happened: trying it again is all that it takes."""
    for number in range(await _count(scenario, equal_parts=equal_parts)):
        store, client = _client(equal_parts=equal_parts)
        store.fail = NthFault(first=number)
        await scenario(client)

        assert not client.unsure
        await _check(store, client)


@_scenarios
@_stores
@pytest.mark.parametrize(("error", "times"), [(AccessDeniedError, 1), (StorageUnavailableError, 12), (RuntimeError, 1)])
async def test_any_failure(scenario: _Scenario, error: type[Exception], times: int, *, equal_parts: bool) -> None:
    """Whatever fails and when: the path shows the old or the new content, and nothing acknowledged is lost."""
    for number in range(await _count(scenario, equal_parts=equal_parts)):
        store, client = _client(equal_parts=equal_parts)
        store.fail = NthFault(number, error, times)
        with suppress(StorageError, RuntimeError):
            await scenario(client)
        await _check(store, client)


@_scenarios
@_stores
@pytest.mark.parametrize("times", [1, 2])
async def test_cancelled_at_any_moment(scenario: _Scenario, times: int, *, equal_parts: bool) -> None:
    """A cancellation at any await leaves the path whole, nothing acknowledged lost, no memory held and no task."""
    for steps in count():
        store, client = _client(equal_parts=equal_parts)
        task = asyncio.ensure_future(scenario(client))
        for _ in range(steps):
            await asyncio.sleep(0)
        finished = task.done()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait({task})
        await _check(store, client)
        if finished:
            assert not client.unsure
            break


async def test_appending_to_nothing_fails_whole() -> None:
    """Where neither a write nor content is there, nothing is begun."""
    store = Store()
    driver = opened(store)
    before = asyncio.all_tasks()
    with pytest.raises(PathNotFoundError):
        await driver.writer(PATH, append=True)

    assert await is_quiet(driver, before=before)
    assert ({}, {}) == (store.objects, store.uploads)
