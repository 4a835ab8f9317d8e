"""What is known of unfinished writes: each in a small file of its own, encrypted, in a directory that nobody else sees.

A store can append to an unfinished write, but nobody can read one. So what continuing it takes is kept beside it: the
key, how far it is, and the content that doesn't fill a slot yet. `close` writes this, `commit` and `cancel` delete it.
What is left after a crash is recognised by the resume token, which no other unfinished write has, and is passed over.

    /.encrypt/<number of components>/<path>

The number keeps an unfinished write at `/a` and one at `/a/b` from getting in each other's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from holdfast.storage.errors import InvalidPathError, PathNotFoundError, UnexpectedStorageError
from holdfast.storage.middleware.encrypt.sealing import (
    HEADER_BYTES,
    SEALED_BYTES,
    SLOT_BYTES,
    Layout,
    Run,
    opened,
    sealed,
)
from holdfast.storage.ops import delete_if_there, is_below
from holdfast.storage.path import MAX_PATH_BYTES

if TYPE_CHECKING:
    from holdfast.storage.driver import Paths, StorageDriver
    from holdfast.storage.middleware.encrypt.keys import Keys

__all__ = ["HIDDEN", "Position", "Unfinished", "UnfinishedWrites", "is_hidden"]

HIDDEN: Final = "/.encrypt"
"""The directory that nobody else sees."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a write is, in whole slots.

    Attributes:
        slots: Slots that it has, the dead ones included.
        dead: The dead ones.
        has_header: Whether the header is written.
    """

    slots: int = 0
    dead: tuple[Run, ...] = ()
    has_header: bool = False

    @property
    def number(self) -> int:
        """Slots of content."""
        return self.slots - sum(run.count for run in self.dead)

    @property
    def content(self) -> int:
        """Bytes of content in them."""
        return self.number * SLOT_BYTES

    @property
    def file(self) -> int:
        """Bytes that the file has then."""
        return HEADER_BYTES + self.slots * SEALED_BYTES if self.has_header else 0

    def after(self, slots: int) -> Position:
        """So many slots of content later."""
        return Position(slots=self.slots + slots, dead=self.dead, has_header=True)

    def after_dead(self, slots: int) -> Position:
        """So many dead slots later."""
        return Position(slots=self.slots + slots, dead=(*self.dead, Run(self.slots, slots)), has_header=True)

    def is_filled_up_from(self, size: int) -> bool:
        """Whether what a file of so many bytes lacks is only the rest of a dead slot."""
        ends_dead = bool(self.dead) and self.dead[-1].first + self.dead[-1].count == self.slots
        return ends_dead and size > self.file - SEALED_BYTES

    def cut(self, size: int) -> Position:
        """What is left of it in a file of so many bytes."""
        slots = max(0, size - HEADER_BYTES) // SEALED_BYTES
        dead = tuple(Run(run.first, min(run.count, slots - run.first)) for run in self.dead if run.first < slots)
        return Position(slots=slots, dead=dead, has_header=size >= HEADER_BYTES)

    def layout(self, rest: int) -> Layout:
        """How the content lies, with so many bytes in the last slot."""
        return Layout(size=self.content + rest, dead=self.dead)


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """What continuing a write takes.

    Attributes:
        path: The path it would be committed to.
        token: The store's resume token.
        header: How the file begins, with the key.
        position: How far it is.
        tail: Content from there on.
        ends: Whether its end was being written: then nothing after the position is content.
    """

    path: str
    token: str
    header: bytes
    position: Position
    tail: bytes
    ends: bool = False

    def resumed(self, size: int) -> tuple[Position, bytes]:
        """Where a write goes on whose file has so many bytes, and with which content.

        - Whole slots after the position are of a session that was broken off. They are good, and hold what comes next
          of the content, unless they were written to end it.
        - A slot that was begun is dead.
        - A file may have become shorter, as after a power failure: then the content has, too.
        """
        position, tail = self.position, self.tail
        if size < position.file:
            if position.is_filled_up_from(size):
                return position, tail
            position, tail = position.cut(size), b""
        whole, rest = divmod(max(0, size - max(position.file, HEADER_BYTES)), SEALED_BYTES)
        if whole and not self.ends:
            position, tail = position.after(whole), tail[whole * SLOT_BYTES :]
            whole = 0
        if whole or rest:
            position = position.after_dead(whole + (rest > 0))
        return position, tail


class UnfinishedWrites:
    """The unfinished writes that were closed.

    Args:
        inner: The store.
        keys: The operator's keys.
    """

    def __init__(self, inner: StorageDriver, keys: Keys) -> None:
        self._inner = inner
        self._keys = keys

    async def load(self, path: str) -> Unfinished | None:
        """Read what is known of the unfinished write of a path; `None` where nothing is."""
        place = _place(path)
        if len(place) > MAX_PATH_BYTES:
            return None
        try:
            content = await self._inner.get_content(place)
        except PathNotFoundError:
            return None
        try:
            found = msgspec.msgpack.decode(opened(self._keys, content), type=Unfinished)
        except msgspec.MsgspecError as error:
            raise UnexpectedStorageError("the record of an unfinished write isn't one", path=path) from error
        if found.path != path:
            raise UnexpectedStorageError("the record of an unfinished write is that of another path", path=path)
        return found

    async def save(self, unfinished: Unfinished) -> None:
        """Write down what is known of an unfinished write.

        Raises:
            InvalidPathError: The path is too long for it.
        """
        place = _place(unfinished.path)
        if len(place) > MAX_PATH_BYTES:
            message = "the path is too long for a write that is continued later, since what that takes has a longer one"
            raise InvalidPathError(message, path=unfinished.path)
        await self._inner.put_content(place, sealed(self._keys, msgspec.msgpack.encode(unfinished)))

    async def forget(self, path: str) -> None:
        """Delete what is known of the unfinished write of a path; nothing is no error."""
        await self._inner.delete_files([_place(path)])

    async def forget_below(self, path: str) -> None:
        """Delete what is known of unfinished writes at and below a path; nothing is no error."""
        try:
            depths: Paths = await self._inner.list(HIDDEN)
        except PathNotFoundError:
            return
        for depth in depths:
            await delete_if_there(self._inner, depth + path)


def _place(path: str) -> str:
    return f"{HIDDEN}/{path.count('/')}{path}"


def is_hidden(path: str) -> bool:
    """Whether a path is in the directory that nobody else sees."""
    return is_below(path, HIDDEN)
