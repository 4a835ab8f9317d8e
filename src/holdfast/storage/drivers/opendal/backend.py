"""The adapter: what a bridge asks for, said to an operator of OpenDAL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from opendal import AsyncOperator
from opendal.layers import TimeoutLayer

from holdfast.storage.drivers._bridge.backend import Backend, Entry, OpenFile, Traits
from holdfast.storage.drivers._tasks import whole
from holdfast.storage.drivers.opendal._services import NEEDED, traits_of
from holdfast.storage.drivers.opendal.errors import KINDS, translated
from holdfast.storage.errors import (
    InvalidParameterError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from opendal.types import Metadata

    from holdfast.storage.drivers.opendal.options import OpendalOptions

__all__ = ["OpendalBackend"]

_CHUNK: Final = 1024 * 1024
_BLOCK: Final = 5 * 1024 * 1024
"""What is sent at once, or in one part where the service has parts; as many as 10,000 make 48 GiB."""

_BLOCKS: Final = 9000
_SECONDS: Final = 60
"""How long a service may take to answer, or to take or give nothing."""


class OpendalBackend(Backend):
    """A service of OpenDAL.

    Args:
        options: The driver's. Nothing is connected to before the first use.

    Raises:
        InvalidParameterError: There is no such service, it doesn't take these options, or it can't do enough.
    """

    def __init__(self, options: OpendalOptions) -> None:
        self._scheme = options.scheme.lower().replace("-", "_")
        self._root = options.rootdirectory
        try:
            operator = AsyncOperator(self._scheme, **_texts(options))
        except tuple(KINDS) as error:
            text = " ".join(str(error).split())
            raise InvalidParameterError("opendal", "scheme", text) from error
        self._operator = operator.layer(TimeoutLayer(timeout=_SECONDS, io_timeout=_SECONDS))
        self._able = able = self._operator.capability()
        lacks = [name for name in NEEDED if not getattr(able, name)]
        if lacks:
            raise InvalidParameterError("opendal", "scheme", f"{self._scheme} isn't able to {' or '.join(lacks)}")
        self._traits = traits_of(self._scheme, able)

    @property
    def traits(self) -> Traits:
        """See `Backend.traits`."""
        return self._traits

    async def stat(self, path: str) -> Entry:
        """See `Backend.stat`."""
        return _entry(path, await self._describe(path))

    @asynccontextmanager
    async def open(self, path: str, *, offset: int) -> AsyncGenerator[OpenFile]:
        """See `Backend.open`.

        A service that compares ETags gives the content that was described. Of others the file is opened by reading its
        first bytes, and described once more: it wasn't replaced in between.
        """
        described = await self._describe(path)
        entry = _entry(path, described)
        if entry.is_dir:
            raise PathNotFoundError("is a directory")
        size = entry.size or 0
        if offset >= size:
            yield OpenFile(entry, _nothing())
            return
        tag = described.etag if self._able.read_with_if_match else None
        with translated():
            file = await self._operator.open(path, "rb", **cast("Any", {"if_match": tag} if tag else {}))
        try:
            with _unchanged(), translated():
                if offset:
                    await file.seek(offset)
                first = await file.read(min(_CHUNK, size - offset))
            if not tag and await self.stat(path) != entry:
                raise StorageUnavailableError("it was replaced while it was opened")
            async with aclosing(_chunks(file, first, size - offset)) as chunks:
                yield OpenFile(entry, chunks)
        finally:
            await whole(_close(file))

    async def save(self, path: str, chunks: AsyncIterator[bytes], *, size: int, create_only: bool = False) -> None:
        """See `Backend.save`. An upload of parts that fails stays with the service: its operator can't abort it."""
        with translated():
            if size <= _BLOCK or not self._able.write_can_multi:
                content = b"".join([chunk async for chunk in chunks])
                await self._operator.write(path, content, if_not_exists=create_only or None)
                return
            block = None if self._traits.tree else max(_BLOCK, -(-size // _BLOCKS))
            file = await self._operator.open(path, "wb", **cast("Any", {"chunk": block} if block else {}))
            async for chunk in chunks:
                await file.write(chunk)
            await file.close()

    async def rename(self, source: str, path: str) -> None:
        """See `Backend.rename`."""
        with translated():
            await self._operator.rename(source, path)

    async def copy(self, source: str, path: str) -> None:
        """See `Backend.copy`."""
        with translated():
            await self._operator.copy(source, path)

    async def remove(self, path: str) -> None:
        """See `Backend.remove`. In a tree the file is looked at first: WebDAV deletes a directory by the same word."""
        try:
            if self._traits.tree and (await self.stat(path)).is_dir:
                return
            with translated():
                await self._operator.delete(path)
        except PathNotFoundError:
            return

    async def scan(self, directory: str) -> list[Entry]:
        """See `Backend.scan`."""
        base = f"{directory}/" if directory else ""
        found = []
        try:
            with translated():
                async for entry in await self._operator.list(base or "/"):
                    path = entry.path.lstrip("/")
                    if path not in {base, directory}:
                        found.append(_listed(path, entry.metadata))
        except PathNotFoundError:
            return []
        return found

    async def below(self, directory: str, *, after: str) -> AsyncIterator[tuple[str, Entry]]:
        """See `Backend.below`."""
        with translated():
            return _Files(await self._operator.list(f"{directory}/", recursive=True, start_after=after or None))

    async def make_directory(self, path: str) -> None:
        """See `Backend.make_directory`."""
        with translated():
            await self._operator.create_dir(f"{path}/")

    async def remove_directory(self, path: str) -> bool:
        """See `Backend.remove_directory`. It is looked at first: of a file the same word deletes the file."""
        try:
            if not (await self.stat(path)).is_dir:
                return False
            with translated():
                await self._operator.delete(f"{path}/")
        except PathNotFoundError:
            return True
        except StorageError:
            if await self.scan(path):
                return False
            raise
        return True

    async def sign(self, path: str, *, method: str, seconds: int) -> str | None:
        """See `Backend.sign`. A request that needs header fields besides its URL can't be handed on."""
        presign = {"GET": self._operator.presign_read, "HEAD": self._operator.presign_stat}[method]
        with translated():
            request = await presign(path, seconds)
        return request.url if not {name.lower() for name in request.headers} - {"host"} else None

    def identify(self) -> str:
        """See `Backend.identify`."""
        return f"{self._scheme} of OpenDAL, at {self._root or '/'}"

    async def aclose(self) -> None:
        """See `Backend.aclose`. OpenDAL keeps connections for the process, and closes those that rest."""

    async def _describe(self, path: str) -> Metadata:
        with translated():
            return await self._operator.stat(path or "/")


class _Files(AsyncIterator[tuple[str, Entry]]):
    """The files of a listing, without the markers of folders."""

    def __init__(self, entries: Any) -> None:
        self._entries = aiter(entries)

    async def __anext__(self) -> tuple[str, Entry]:
        while True:
            with translated():
                found = await anext(self._entries)
            path = found.path.lstrip("/")
            if not path.endswith("/"):
                return path, _entry(path, found.metadata)


def _texts(options: OpendalOptions) -> dict[str, str]:
    """The options as OpenDAL takes them: text, all of it."""
    settings = options.settings
    if options.rootdirectory:
        if "root" in settings:
            raise InvalidParameterError("opendal", "options", "'root' is 'rootdirectory' here: give that")
        settings["root"] = options.rootdirectory
    if not all(isinstance(value, str | int | float | bool) for value in settings.values()):
        raise InvalidParameterError("opendal", "options", "a value is a text, a number or a boolean")
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in settings.items()}


def _entry(path: str, metadata: Metadata) -> Entry:
    name = path.rstrip("/").rpartition("/")[2]
    if metadata.is_dir:
        return Entry(name=name, is_dir=True)
    modified, size = metadata.last_modified, metadata.content_length
    if metadata.etag and modified is not None:  # an object store's description has seconds, its listing thousandths
        modified = modified.replace(microsecond=0)
    tag = metadata.version or metadata.etag or f"{'' if modified is None else modified.timestamp()}-{size}"
    return Entry(name=name, size=size, modified=modified, version=tag)


def _listed(path: str, metadata: Metadata) -> Entry:
    """A name in a listing. Services that list names alone tell no time, and a size of 0 that means nothing."""
    entry = _entry(path, metadata)
    return entry if entry.is_dir or entry.modified is not None else Entry(name=entry.name)


async def _chunks(file: Any, first: bytes, size: int) -> AsyncGenerator[bytes]:
    left, chunk = size, first
    while chunk:
        left -= len(chunk)
        yield chunk
        if left <= 0:
            return
        with _unchanged(), translated():
            chunk = await file.read(min(_CHUNK, left))


@contextmanager
def _unchanged() -> Iterator[None]:
    """Raise what is worth another try where the content isn't the one any more that was described."""
    try:
        yield
    except PreconditionFailedError as error:
        raise StorageUnavailableError("it was replaced while it was read") from error


async def _nothing() -> AsyncGenerator[bytes]:
    chunks: tuple[bytes, ...] = ()
    for chunk in chunks:
        yield chunk


async def _close(file: Any) -> None:
    with translated():
        await file.close()
