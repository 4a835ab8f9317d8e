"""Everything that a driver can do, at random, while its store fails; and what each path may show then."""

import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from holdfast.storage import FileWriter, StorageDriver
from holdfast.storage.errors import (
    InvalidResumeTokenError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    WriteConflictError,
)

__all__ = ["BadDay", "May", "empty"]

MIB = 1024 * 1024

_SIZES = (0, 1, 1000, 300_000, MIB, 5 * MIB, 5 * MIB + 1, 11 * MIB)
_WEIGHTS = (2, 2, 6, 6, 3, 1, 1, 1)

_INTERFERENCE = (InvalidResumeTokenError, PreconditionFailedError, WriteConflictError)

May = dict[str, set[bytes | None]]
"""What each path may show; None is nothing. More than one thing after a failure, and until it is seen which."""


class BadDay:
    """One task's doings below a directory of its own.

    Args:
        driver: The driver, whose store fails.
        directory: Where nobody else does anything.
        chance: Chooses what is done.

    Attributes:
        may: What each path may show.
        done: How much went well.
        failed: How much didn't: with a `StorageError`, as it has to be.
    """

    def __init__(self, driver: StorageDriver, directory: str, chance: random.Random) -> None:
        self._driver = driver
        self._directory = directory
        self._chance = chance
        self.may: May = {f"{directory}/{name}": {None} for name in ("a", "a-b", "b", "d/a", "d/e/f")}
        self.done = 0
        self.failed = 0
        self._acts: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self._put, self._get, self._read, self._stat) * 2,
            *(self._write, self._write_in_turns, self._append) * 2,
            self._move,
            self._delete,
            self._delete_some,
            self._delete_directory,
            self._list,
            self._walk,
        )

    async def act(self, count: int) -> None:
        """Does so many things."""
        for _ in range(count):
            await self._chance.choice(self._acts)()

    # Changes --------------------------------------------------------------------------------------

    async def _put(self) -> None:
        path, content = self._path(), self._content(small=True)
        await self._change(self._driver.put_content(path, content), {path: {content}})

    async def _write(self) -> None:
        path, content = self._path(), self._content()

        async def write() -> None:
            writer = await self._driver.writer(path)
            try:
                await self._pour(writer, content)
                await writer.commit()
            except StorageError:
                if self._chance.random() < 0.7:
                    await writer.cancel()
                raise
            finally:
                await writer.close()

        await self._change(write(), {path: {content}})

    async def _write_in_turns(self) -> None:
        """Writes with closing in between, as chunked uploads do; goes on from what the store says that it has."""
        path, content = self._path(), self._content()
        await self._change(self._in_turns(path, content, base=None), {path: {content}})

    async def _append(self) -> None:
        """Appends to what is there; that may be one of several contents, and the size tells which."""
        path = self._path()
        added = self._content()
        bases = self.may[path] - {None}
        await self._change(self._in_turns(path, added, base=bases), {path: {(base or b"") + added for base in bases}})

    async def _in_turns(self, path: str, content: bytes, *, base: Iterable[bytes | None] | None) -> None:
        """Writes content after a base, if there is one, with up to three writers."""
        token: str | None = None
        start = 0
        if base is not None:
            # What earlier writers have left unfinished would be continued instead.
            async for upload in self._driver.list_uploads(path):
                await self._driver.abort_upload(upload)
            known = {len(found or b"") for found in base}
            writer = await self._driver.writer(path, append=True)
            start = writer.size
            assert start in known, "appending began with another content"
        else:
            writer = await self._driver.writer(path)
        cuts = sorted(self._chance.randrange(len(content) + 1) for _ in range(2))
        for cut in (*cuts, len(content)):
            try:
                await self._pour(writer, content[writer.size - start : cut])
                if cut == len(content):
                    await writer.commit()
            finally:
                await writer.close()
            if cut < len(content):
                token = writer.resume_token if self._chance.random() < 0.5 else None
                writer = await self._continue(path, token)
                assert start + cut == writer.size, "what was closed isn't there"

    async def _continue(self, path: str, token: str | None) -> FileWriter:
        try:
            return await self._driver.writer(path, append=True, resume_token=token)
        except PathNotFoundError as error:
            raise AssertionError("what was closed is gone") from error

    async def _move(self) -> None:
        source, destination = self._path(), self._path()
        if source == destination:
            return
        before, there = self.may[source], self.may[destination]
        found = before - {None}
        await self._change(
            self._driver.move(source, destination), {source: {None}, destination: set(found) or there}, absent=[source]
        )

    async def _delete(self) -> None:
        path = self._path()
        await self._change(self._driver.delete(path), {path: {None}}, absent=[path])

    async def _delete_some(self) -> None:
        paths = self._chance.sample(sorted(self.may), 3)
        await self._change(self._driver.delete_files(paths), {path: {None} for path in paths})

    async def _delete_directory(self) -> None:
        below = [path for path in self.may if path.startswith(f"{self._directory}/d/")]
        await self._change(self._driver.delete(f"{self._directory}/d"), {path: {None} for path in below}, absent=below)

    async def _change(self, call: Awaitable[object], effect: May, *, absent: Iterable[str] = ()) -> None:
        try:
            await call
        except PathNotFoundError:
            assert all(None in self.may[path] for path in absent or effect)
            for path in absent or effect:
                self.may[path] = {None}
            self.done += 1
        except StorageError as error:
            _check_is_clean(error)
            self.failed += 1
            for path, shown in effect.items():
                self.may[path] = self.may[path] | shown
        else:
            self.done += 1
            self.may.update(effect)

    # Looks ----------------------------------------------------------------------------------------

    async def _get(self) -> None:
        path = self._path()
        await self._look(path, self._driver.get_content(path))

    async def _read(self) -> None:
        path = self._path()
        await self._look(path, self._read_all(path))
        for content in [found for found in self.may[path] if found] if len(self.may[path]) == 1 else []:
            await self._read_range(path, content)

    async def _read_all(self, path: str) -> bytes:
        read = bytearray()
        try:
            async with self._driver.reader(path) as chunks:
                async for chunk in chunks:
                    read += chunk
        except PathNotFoundError:
            raise
        except StorageError:
            self._assert_beginning(path, bytes(read))
            raise
        return bytes(read)

    async def _read_range(self, path: str, content: bytes) -> None:
        offset = self._chance.randrange(len(content))
        length = self._chance.choice([None, self._chance.randrange(len(content) + 10)])
        expected = content[offset:] if length is None else content[offset : offset + length]
        read = bytearray()
        try:
            async with self._driver.reader(path, offset=offset, length=length) as chunks:
                async for chunk in chunks:
                    read += chunk
        except StorageError as error:
            _check_is_clean(error, PathNotFoundError)
            assert expected.startswith(bytes(read)), path
            self.failed += 1
        else:
            assert expected == bytes(read), path
            self.done += 1

    async def _stat(self) -> None:
        path = self._path()
        sizes = {None if found is None else len(found) for found in self.may[path]}
        try:
            info = await self._driver.stat(path)
        except PathNotFoundError:
            assert None in sizes, path
            self.done += 1
        except StorageError:
            self.failed += 1
        else:
            assert info.size in sizes or (info.is_dir and None in sizes), path
            self.done += 1

    async def _list(self) -> None:
        below = self._directory + "/"
        names = {path: path[len(below) :].partition("/")[0] for path in self.may}
        possible = {below + names[path] for path, found in self.may.items() if found != {None}}
        certain = {below + names[path] for path, found in self.may.items() if None not in found}
        await self._compare(self._driver.list(self._directory), certain, possible)

    async def _walk(self) -> None:
        async def walk() -> list[str]:
            return [info.path async for info in self._driver.walk(self._directory)]

        possible = {path for path, found in self.may.items() if found != {None}}
        certain = {path for path, found in self.may.items() if None not in found}
        await self._compare(walk(), certain, possible)

    async def _compare(self, call: Awaitable[list[str]], certain: set[str], possible: set[str]) -> None:
        try:
            found = await call
        except PathNotFoundError:
            found = []
        except StorageError:
            self.failed += 1
            return
        assert sorted(set(found)) == found
        assert certain <= set(found) <= possible
        self.done += 1

    async def _look(self, path: str, call: Awaitable[bytes]) -> None:
        content: bytes | None = None
        try:
            content = await call
        except PathNotFoundError:
            pass
        except StorageError:
            self.failed += 1
            return
        assert content in self.may[path], f"{path} shows {_short(content)}, not {[*map(_short, self.may[path])]}"
        self.may[path] = {content}
        self.done += 1

    def _assert_beginning(self, path: str, read: bytes) -> None:
        assert not read or any((found or b"").startswith(read) for found in self.may[path]), path

    # What to do it with ---------------------------------------------------------------------------

    def _path(self) -> str:
        return self._chance.choice(sorted(self.may))

    def _content(self, *, small: bool = False) -> bytes:
        count = 5 if small else len(_SIZES)
        (size,) = self._chance.choices(_SIZES[:count], _WEIGHTS[:count])
        return self._chance.randbytes(size)

    async def _pour(self, writer: FileWriter, content: bytes) -> None:
        at = 0
        while at < len(content):
            size = self._chance.choice((1000, 100_000, MIB, 3 * MIB))
            await writer.write(content[at : at + size])
            at += size


def _check_is_clean(error: StorageError, *never: type[StorageError]) -> None:
    """Checks that nobody is said to have interfered, for nobody else is there."""
    assert not isinstance(error, (*_INTERFERENCE, *never)), error


def _short(content: bytes | None) -> str:
    return "nothing" if content is None else f"{len(content)} bytes {content[:8].hex()}"


async def empty(driver: StorageDriver) -> None:
    """Aborts every unfinished write and deletes everything."""
    async for upload in driver.list_uploads("/"):
        await driver.abort_upload(upload)
    with suppress(PathNotFoundError):
        await driver.delete("/")
