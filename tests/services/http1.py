"""Messages of HTTP/1.1 as they are on the wire (RFC 9112): where they end, and nothing changed in between."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

__all__ = ["BrokenOffError", "Framing", "Head", "answer_framing", "read_body", "read_head", "request_framing"]

Framing: TypeAlias = int | Literal["chunked", "until the end"]
"""How the end of a body is found; a number is its bytes."""

_PIECE = 256 * 1024


class BrokenOffError(Exception):
    """A message ended before its end, or nothing came where one had to."""


@dataclass(frozen=True)
class Head:
    """The first line and the fields of a message.

    Attributes:
        raw: As it came, with the empty line at its end.
    """

    raw: bytes

    @cached_property
    def words(self) -> list[str]:
        """The three words of the first line."""
        return [*self.raw.partition(b"\r\n")[0].decode("latin-1").split(" ", 2), "", ""][:3]

    @cached_property
    def fields(self) -> dict[str, str]:
        """The fields by their names in lower case; of a repeated one the last."""
        lines = self.raw.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    @property
    def method(self) -> str:
        """Of a request."""
        return self.words[0]

    @property
    def target(self) -> str:
        """Of a request: the path, and the query if there is one."""
        return self.words[1]

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.words[1])

    @property
    def keeps(self) -> bool:
        """Whether the connection stays open afterwards."""
        return "HTTP/1.1" in {self.words[0], self.words[2]} and self.fields.get("connection", "").lower() != "close"


def request_framing(head: Head) -> Framing:
    """How a request's body ends."""
    if "transfer-encoding" in head.fields:
        return "chunked"
    return int(head.fields.get("content-length", 0))


def answer_framing(head: Head, method: str) -> Framing:
    """How the body of an answer to a method ends."""
    if method == "HEAD" or head.status in {204, 304}:
        return 0
    if "transfer-encoding" in head.fields:
        return "chunked"
    length = head.fields.get("content-length")
    return "until the end" if length is None else int(length)


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Reads a head; None where the other side ended the connection instead of sending one.

    Raises:
        BrokenOffError: It ended it in the middle, or the head is too long.
    """
    try:
        return Head(await reader.readuntil(b"\r\n\r\n"))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BrokenOffError("in the middle of a head") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise BrokenOffError("a head has no end") from error


async def read_body(reader: asyncio.StreamReader, framing: Framing) -> AsyncIterator[bytes]:
    """Reads a body as it is on the wire, the lengths of its chunks included.

    Raises:
        BrokenOffError: It ended early.
    """
    if framing == "until the end":
        while piece := await reader.read(_PIECE):
            yield piece
    elif framing != "chunked":
        async for piece in _exactly(reader, framing):
            yield piece
    else:
        size = -1
        while size:
            line = await _line(reader)
            yield line
            size = int(line.partition(b";")[0], 16)
            async for piece in _exactly(reader, size + 2 if size else 0):
                yield piece
        while (line := await _line(reader)) != b"\r\n":
            yield line
        yield line


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise BrokenOffError("in the middle of a line") from error


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await reader.read(min(size, _PIECE))
        if not piece:
            raise BrokenOffError(f"{size} bytes are missing")
        size -= len(piece)
        yield piece
