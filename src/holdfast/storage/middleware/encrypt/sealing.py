"""What an encrypted file is made of.

    file     := header slot* last [pad map length]
    header   := magic, the id of the operator's key, and under that key the file's own key: 101 bytes
    slot     := 65,536 bytes of content, encrypted, and a tag: 65,552 bytes
    last     := the same of what is left, 0 to 65,535 bytes

Each slot is AES-256-GCM under the file's key, which is random and used for one file only (an envelope). The nonce is
where the slot lies. What is authenticated with it is which part of the content it is, and whether it is the last one:
so a slot that is missing, moved, repeated, of another file, or cut off at the end is found out when it is read, as in
the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizar, 2015).

Sizes are arithmetic: how long the content is follows from how long the file is, so that `stat` and `walk` need not
read. An ordinary file has at least the 16 bytes of a tag after its whole slots. Where an upload was broken off within
a slot, as when a process was killed, that slot stays as it is, dead, since a store can append but not cut. A file with
dead slots ends with a map that tells which they are, padded so that its length is one which no ordinary file has.
"""

from __future__ import annotations

import secrets
from struct import Struct
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.storage.errors import UnexpectedStorageError
from holdfast.storage.middleware.encrypt.keys import KEY_BYTES, MAX_ID_BYTES, WRAPPED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.storage.driver import Buffer
    from holdfast.storage.middleware.encrypt.keys import Keys

__all__ = [
    "HEADER_BYTES",
    "MAGIC",
    "SEALED_BYTES",
    "SLOT_BYTES",
    "TAG_BYTES",
    "BrokenSealError",
    "FileKey",
    "Layout",
    "Run",
    "content_bytes",
    "content_limit",
    "has_map",
    "key_id",
    "map_bytes",
    "opened",
    "sealed",
    "slots_of",
]

MAGIC: Final = b"\x89HFENC\x00\x01"
"""How an encrypted file begins; the last byte is the version of the format."""

SLOT_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
SEALED_BYTES: Final = SLOT_BYTES + TAG_BYTES
HEADER_BYTES: Final = len(MAGIC) + 1 + MAX_ID_BYTES + WRAPPED_BYTES

_NONCE: Final = Struct(">IQ")
_ABOUT: Final = Struct(">4sQ?")
_LENGTH: Final = Struct(">I")
_SLOT, _MAP = 0, 1  # the first word of a nonce
_MAP_REST: Final = 8
"""How many bytes a file with a map has after its whole slots."""


class BrokenSealError(UnexpectedStorageError):
    """What was read isn't what was written: it is damaged, cut off, of another file, or not encrypted by us."""


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Slots that lie one after the other.

    Attributes:
        first: The place of the first one.
        count: How many.
    """

    first: int
    count: int


class Layout(msgspec.Struct, frozen=True):
    """Which part of the content lies where.

    Attributes:
        size: Bytes of content.
        dead: Slots that belong to no content, in their order.
    """

    size: int
    dead: tuple[Run, ...] = ()

    def runs(self, first: int, end: int) -> Iterator[tuple[int, Run]]:
        """Yield where the slots of the content from a first one to an end lie: the number of a run's first, the run."""
        place, number = 0, 0
        for dead in (*self.dead, None):
            count = end - number if dead is None else dead.first - place
            start, stop = max(first, number), min(end, number + count)
            if start < stop:
                yield start, Run(place + start - number, stop - start)
            number += count
            place = 0 if dead is None else dead.first + dead.count

    def sealed_bytes(self, number: int, count: int) -> int:
        """How many bytes so many slots of the content take, from a number on."""
        missing = SLOT_BYTES - self.size % SLOT_BYTES if number + count == slots_of(self.size) else 0
        return count * SEALED_BYTES - missing


class FileKey:
    """The key of one file.

    Attributes:
        header: How the file begins: the key, wrapped.
    """

    def __init__(self, header: bytes, key: bytes) -> None:
        self.header = header
        self._cipher = AESGCM(key)

    @classmethod
    def new(cls, keys: Keys) -> FileKey:
        """Make the key of a new file."""
        key, name = secrets.token_bytes(KEY_BYTES), keys.first.encode("ascii")
        about = MAGIC + bytes([len(name)]) + name.ljust(MAX_ID_BYTES, b"\0")
        return cls(about + keys.wrap(key, keys.first, about), key)

    @classmethod
    def read(cls, keys: Keys, header: bytes) -> FileKey:
        """Read the key of a file from its header.

        Raises:
            BrokenSealError: It isn't the header of an encrypted file.
            AccessDeniedError, UnexpectedStorageError: See `Keys.unwrap`.
        """
        name = key_id(header)
        if name is None:
            raise BrokenSealError("isn't encrypted, or not in a way known here")
        about, wrapped = header[:-WRAPPED_BYTES], header[-WRAPPED_BYTES:]
        return cls(header, keys.unwrap(wrapped, name, about))

    def seal(self, place: int, number: int, content: Buffer, *, is_last: bool = False) -> bytes:
        """Encrypt a slot: where it lies, which part of the content it is, and whether that ends with it."""
        about = _ABOUT.pack(b"slot", number, is_last)
        return self._cipher.encrypt(_NONCE.pack(_SLOT, place), content, about)

    def open(self, place: int, number: int, slot: Buffer, *, is_last: bool = False) -> bytes:
        """Decrypt a slot.

        Raises:
            BrokenSealError: It isn't that slot.
        """
        about = _ABOUT.pack(b"slot", number, is_last)
        try:
            return self._cipher.decrypt(_NONCE.pack(_SLOT, place), slot, about)
        except (InvalidTag, ValueError) as error:
            raise BrokenSealError(_BROKEN) from error

    def seal_run(self, place: int, number: int, content: Buffer) -> bytes:
        """Encrypt whole slots, of which none is the last."""
        view = memoryview(content)
        starts = enumerate(range(0, len(view), SLOT_BYTES))
        return b"".join([self.seal(place + i, number + i, view[at : at + SLOT_BYTES]) for i, at in starts])

    def open_run(self, place: int, number: int, slots: Buffer) -> bytes:
        """Decrypt whole slots, of which none is the last.

        Raises:
            BrokenSealError: One of them isn't that slot.
        """
        view = memoryview(slots)
        starts = enumerate(range(0, len(view), SEALED_BYTES))
        return b"".join([self.open(place + i, number + i, view[at : at + SEALED_BYTES]) for i, at in starts])

    def seal_map(self, layout: Layout, end: int) -> bytes:
        """Encrypt the map of a file with dead slots that ends at `end` so far, padded as it must be."""
        nonce = _NONCE.pack(_MAP, 0)
        content = self._cipher.encrypt(nonce, msgspec.msgpack.encode(layout), b"map")
        rest = (end - HEADER_BYTES + len(content) + _LENGTH.size) % SEALED_BYTES
        return bytes((_MAP_REST - rest) % SEALED_BYTES) + content + _LENGTH.pack(len(content))

    def open_map(self, end: Buffer) -> Layout:
        """Decrypt the map at a file's end.

        Raises:
            BrokenSealError: There is none.
        """
        size = map_bytes(end)
        content = bytes(memoryview(end)[-size : -_LENGTH.size])
        try:
            return msgspec.msgpack.decode(self._cipher.decrypt(_NONCE.pack(_MAP, 0), content, b"map"), type=Layout)
        except (InvalidTag, ValueError) as error:
            raise BrokenSealError(_BROKEN) from error


_BROKEN: Final = "what was read isn't what was encrypted: it is damaged, cut off, or of another file"


def key_id(header: bytes) -> str | None:
    """The id of the operator's key that a file needs which begins like this; `None` for one that isn't encrypted."""
    if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
        return None
    length = header[len(MAGIC)]
    return header[len(MAGIC) + 1 :][:length].decode("ascii", "replace")


def content_bytes(size: int) -> int:
    """How long the content of a file is that has so many bytes and no map.

    Raises:
        BrokenSealError: No encrypted file has that length.
    """
    whole, rest = divmod(size - HEADER_BYTES, SEALED_BYTES)
    if whole < 0 or rest < TAG_BYTES:
        raise BrokenSealError("isn't encrypted, or is cut off: no encrypted file is as long as this")
    return whole * SLOT_BYTES + rest - TAG_BYTES


def content_limit(size: int) -> int:
    """How much content a file of at most so many bytes has room for."""
    whole, rest = divmod(max(0, size - HEADER_BYTES), SEALED_BYTES)
    return whole * SLOT_BYTES + max(0, rest - TAG_BYTES)


def slots_of(content: int) -> int:
    """How many slots so many bytes of content take; the last one is never whole."""
    return content // SLOT_BYTES + 1


def has_map(size: int) -> bool:
    """Whether a file of so many bytes has dead slots, and ends with a map, if it is encrypted and whole."""
    body = size - HEADER_BYTES
    return body >= SEALED_BYTES and body % SEALED_BYTES < TAG_BYTES


def map_bytes(end: Buffer) -> int:
    """How many bytes the map takes, its length included, as the end of the file tells."""
    length: int = _LENGTH.unpack(bytes(memoryview(end)[-_LENGTH.size :]))[0]
    return length + _LENGTH.size


def sealed(keys: Keys, content: Buffer) -> bytes:
    """Encrypt content whole."""
    key, view = FileKey.new(keys), memoryview(content).cast("B")
    last = slots_of(len(view)) - 1
    whole = key.seal_run(0, 0, view[: last * SLOT_BYTES])
    return b"".join([key.header, whole, key.seal(last, last, view[last * SLOT_BYTES :], is_last=True)])


def opened(keys: Keys, file: Buffer) -> bytes:
    """Decrypt a file whole.

    Raises:
        BrokenSealError: It isn't an encrypted file, or is damaged.
        AccessDeniedError, UnexpectedStorageError: See `Keys.unwrap`.
    """
    view = memoryview(file).cast("B")
    key = FileKey.read(keys, bytes(view[:HEADER_BYTES]))
    layout = key.open_map(view) if has_map(len(view)) else Layout(size=content_bytes(len(view)))
    last, parts = slots_of(layout.size) - 1, []
    for first, run in layout.runs(0, last + 1):
        start = HEADER_BYTES + run.first * SEALED_BYTES
        slots = view[start : start + layout.sealed_bytes(first, run.count)]
        ends = first + run.count > last
        whole = (run.count - ends) * SEALED_BYTES
        parts.append(key.open_run(run.first, first, slots[:whole]))
        if ends:
            parts.append(key.open(run.first + run.count - 1, last, slots[whole:], is_last=True))
    return b"".join(parts)
