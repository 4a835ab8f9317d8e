"""What a check works with: a driver kept in bounds, a folder, and a watch."""

from __future__ import annotations

import hashlib
import random
from contextlib import aclosing, asynccontextmanager
from functools import partial
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from anyio import CancelScope

from holdfast.checking.errors import BrokenPromiseError
from holdfast.storage import ops
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from holdfast.checking.hints import Hints
    from holdfast.checking.plan import Plan, Subject
    from holdfast.checking.scratch import Scratch
    from holdfast.storage.driver import FileWriter, StorageDriver

__all__ = ["SMALL", "Large", "Trial"]

T = TypeVar("T")

SMALL: Final = b"holdfast checks this storage. " * 34
"""About a kibibyte: what links, tags and most manifests have."""

_MIB: Final = 1024 * 1024
_ENOUGH_SECONDS: Final = 2.0
"""Nothing is repeated for longer, however slow the storage is."""


class Large:
    """Content of the size of a layer, the same each time and not to be compressed; it costs next to nothing to make.

    Args:
        size: Its bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def chunks(self) -> Iterator[bytes]:
        """The content."""
        block = random.Random(self.size).randbytes(_MIB)  # noqa: S311 - it only needs to be without a pattern
        for start in range(0, self.size, _MIB):
            yield (start.to_bytes(8, "big") + block[8:])[: self.size - start]

    def digest(self) -> bytes:
        """What the content hashes to."""
        found = hashlib.sha256()
        for chunk in self.chunks():
            found.update(chunk)
        return found.digest()


class Trial:
    """One run of one check.

    Attributes:
        driver: The storage, in bounds.
        plan: How to check.
        large: The content of the large file.
        large_path: Where the check of large writes leaves it.
        part: How many bytes the driver sends at once of large content, as far as its options tell.
        hints: What is known of the driver beforehand.
        notes: What the check has to say.
        warned: Whether one of them is a warning.
        bytes_per_second: How fast content went.
    """

    def __init__(
        self, driver: StorageDriver, *, name: str, scratch: Scratch, plan: Plan, subject: Subject, hints: Hints
    ) -> None:
        self.driver = driver
        self.plan = plan
        self.large = Large(plan.large(subject.part))
        self.large_path = f"{scratch.folder}/large-file"
        self.part = subject.part
        self.hints = hints
        self.notes: list[str] = []
        self.warned = False
        self.bytes_per_second: float | None = None
        self._folder = f"{scratch.folder}/{name.replace(' ', '-')}"
        self._scratch = scratch
        self._subject = subject
        self._seconds: list[float] = []

    @property
    def seconds(self) -> float | None:
        """The median of what was timed."""
        return median(self._seconds) if self._seconds else None

    def path(self, name: str = "") -> str:
        """A path in the check's own folder; the folder itself, without a name."""
        return f"{self._folder}/{name}" if name else self._folder

    async def timed(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await a call that counts for how long the operation takes."""
        start = perf_counter()
        result = await call()
        self._seconds.append(perf_counter() - start)
        return result

    async def repeated(self, call: Callable[[int], Awaitable[T]]) -> list[T]:
        """Make the same call a few times, each with its number, each timed; at least once, and never for long."""
        until = perf_counter() + _ENOUGH_SECONDS
        results: list[T] = []
        for number in range(self.plan.repetitions):
            results.append(await self.timed(partial(call, number)))
            if perf_counter() > until:
                break
        return results

    def went(self, size: int, seconds: float) -> None:
        """Tell how much content has gone within how long."""
        self._seconds.append(seconds)
        self.bytes_per_second = size / seconds if seconds > 0 else None

    def note(self, text: str) -> None:
        """Say something."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Say something to worry about."""
        self.notes.append(text)
        self.warned = True

    def demand(self, holds: bool, message: str) -> None:  # noqa: FBT001 - it reads as an assertion does
        """Go on only if something holds.

        Raises:
            BrokenPromiseError: It doesn't.
        """
        if not holds:
            raise BrokenPromiseError(message)

    async def demand_absent(self, path: str, message: str) -> None:
        """Go on only if nothing is at a path.

        Raises:
            BrokenPromiseError: Something is.
        """
        try:
            await self.driver.stat(path)
        except PathNotFoundError:
            return
        raise BrokenPromiseError(message)

    async def demand_large(self, path: str) -> float:
        """Go on only if a file has the large content, and tell within how many seconds it was read.

        Raises:
            BrokenPromiseError: It has another.
        """
        found, size = hashlib.sha256(), 0
        start = perf_counter()
        async with self.driver.reader(path) as chunks:
            async for chunk in chunks:
                found.update(chunk)
                size += len(chunk)
        seconds = perf_counter() - start
        self.demand(size == self.large.size, f"{size} of {self.large.size} bytes came back")
        self.demand(found.digest() == self.large.digest(), "other bytes came back than were written")
        return seconds

    @asynccontextmanager
    async def writing(
        self, driver: StorageDriver, path: str, *, append: bool = False, resume_token: str | None = None
    ) -> AsyncIterator[FileWriter]:
        """Open a writer that is closed on leaving; what was written is thrown away if something goes wrong.

        Unlike `ops.opened_writer`, it tries that once: a store that hangs has been waited for long enough.
        """
        writer = await driver.writer(path, append=append, resume_token=resume_token)
        try:
            yield writer
        except BaseException as error:
            with CancelScope(shield=True):
                await ops.throw_away(writer, error)
            raise
        await writer.close()

    @asynccontextmanager
    async def variant(self, changes: Mapping[str, Any]) -> AsyncIterator[StorageDriver]:
        """Open the same storage with some options changed, in the same bounds."""
        async with aclosing(self._subject.open(changes)) as driver:
            yield self._scratch.driver(driver)
