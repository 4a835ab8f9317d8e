"""What tests do again and again, in terms of the contract, and the content that they do it with."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.ops import opened_writer
from holdfast.testing.iteration import collect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from holdfast.storage.driver import Buffer, StorageDriver

__all__ = [
    "CONTENTS",
    "KIB",
    "MIB",
    "blocks",
    "content_or_none",
    "keep_unfinished",
    "make_files",
    "random_bytes",
    "read",
    "upload_paths",
    "walked",
    "write",
]

KIB = 1024
MIB = 1024 * KIB

CONTENTS = {
    "empty": b"",
    "one byte": b"a",
    "text beyond ascii": b"\xc3\x9f",
    "no text": b"\x80\x80\x80\x80",
    "zeros and line ends": b"\x00\r\n\x00\n\r\x1a\x00",
    "all bytes": bytes(range(256)),
}
"""Content that something between a program and a disk could take for something else."""


@cache
def random_bytes(size: int, seed: int = 0) -> bytes:
    """Incompressible content, the same for the same size and seed."""
    return random.Random(f"{size} {seed}").randbytes(size)  # noqa: S311 - it needn't be secret


def blocks(total: int, *, block: int = MIB) -> Iterator[bytes]:
    """A stream of so many bytes, block by block, no two of them the same."""
    base = random_bytes(block)
    for number, start in enumerate(range(0, total, block)):
        yield (number.to_bytes(8, "big") + base[8:])[: total - start]


async def read(driver: StorageDriver, path: str, *, offset: int = 0, length: int | None = None) -> bytes:
    """What a reader yields, whole."""
    async with driver.reader(path, offset=offset, length=length) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def write(driver: StorageDriver, path: str, chunks: Iterable[Buffer], *, append: bool = False) -> int:
    """Write chunks and commit them. Returns the writer's size."""
    async with opened_writer(driver, path, append=append) as writer:
        for chunk in chunks:
            await writer.write(chunk)
        await writer.commit()
        return writer.size


async def keep_unfinished(driver: StorageDriver, path: str, *chunks: Buffer, append: bool = False) -> str | None:
    """Write chunks and close, uncommitted. Returns the resume token."""
    writer = await driver.writer(path, append=append)
    try:
        for chunk in chunks:
            await writer.write(chunk)
    finally:
        await writer.close()
    return writer.resume_token


async def content_or_none(driver: StorageDriver, path: str) -> bytes | None:
    """A file's content, or `None` where nothing is."""
    try:
        return await driver.get_content(path)
    except PathNotFoundError:
        return None


async def make_files(driver: StorageDriver, paths: Iterable[str], content: bytes = b"x") -> None:
    """Put the same content at all paths."""
    for path in paths:
        await driver.put_content(path, content)


async def walked(driver: StorageDriver, path: str, *, start_after: str | None = None) -> list[str]:
    """The paths that a walk yields, in its order."""
    return [file.path for file in await collect(driver.walk(path, start_after=start_after))]


async def upload_paths(driver: StorageDriver, path: str) -> list[str]:
    """The paths of the unfinished writes at and below a path, sorted."""
    return sorted([upload.path for upload in await collect(driver.list_uploads(path))])
