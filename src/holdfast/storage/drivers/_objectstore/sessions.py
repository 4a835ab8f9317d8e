"""Unfinished writes as the store keeps them: one small object each, beside which parts may be on their way.

A record holds what is needed to go on: the store's id of the upload, its parts, and the bytes that are too few for a
part. So a write is continued by one request, in any process, and nothing has to be searched for.

A record is a line that a person can read, then bytes:

    {"id": "...", "path": "/a/b", "upload_id": "...", "parts": [[1, 5242880, "etag"], ...], "began": 1763985600.0}
    <the tail>
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import structlog

from holdfast.storage.driver import CreateOnly, MatchVersion
from holdfast.storage.drivers._objectstore.bucket import Part
from holdfast.storage.drivers._objectstore.reader import read_whole
from holdfast.storage.errors import (
    InvalidResumeTokenError,
    PathNotFoundError,
    PreconditionFailedError,
    WriteConflictError,
)
from holdfast.storage.path import is_path

if TYPE_CHECKING:
    from holdfast.storage.driver import Precondition
    from holdfast.storage.drivers._objectstore.bucket import Bucket
    from holdfast.storage.drivers._objectstore.keys import Keys

__all__ = ["Session", "Sessions", "Stored", "new_holder", "new_session", "read_token", "token_of"]

_CONFLICT: Final = "another process goes on with this unfinished write"
_ID_BYTES: Final = 16
_IDENTITY: Final = re.compile(rf"[0-9a-f]{{{2 * _ID_BYTES}}}").fullmatch
_log = structlog.get_logger(__name__)


class Session(msgspec.Struct, frozen=True):
    """An unfinished write.

    Attributes:
        id: Its identity; a write that begins anew at the same path has another.
        path: Where it is to be committed.
        upload_id: The store's upload of its parts; `None` while it has none.
        parts: The parts, in order, without a gap.
        began: When the upload was begun, in seconds since 1970, by the clock of who began it.
        holder: Who goes on with it, a random word: two that go on with the same write write different records.
    """

    id: str
    path: str
    upload_id: str | None = None
    parts: tuple[Part, ...] = ()
    began: float | None = None
    holder: str = ""

    @property
    def size(self) -> int:
        """The bytes in its parts."""
        return sum(part.size for part in self.parts)

    @property
    def is_sound(self) -> bool:
        """Whether it can be one of ours; what is read from a record may be anything."""
        numbers = [part.number for part in self.parts]
        return (
            _IDENTITY(self.id) is not None
            and is_path(self.path)
            and numbers == [*range(1, len(numbers) + 1)]
            and all(part.size > 0 for part in self.parts)
            and (self.upload_id is not None or not numbers)
        )


class Stored(NamedTuple):
    """An unfinished write as it was read.

    Attributes:
        session: What is known of it.
        tail: The bytes after its parts.
        version: Of the record; `None` where the store tells none.
    """

    session: Session
    tail: bytes
    version: str | None

    @property
    def is_readable(self) -> bool:
        """Whether the write can be continued."""
        return bool(self.session.id)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Session).decode


def new_session(path: str) -> Session:
    """Begin a write. Nothing is stored."""
    return Session(secrets.token_hex(_ID_BYTES), path)


def new_holder() -> str:
    """What tells one claim from all others."""
    return secrets.token_hex(_ID_BYTES)


def token_of(session: Session) -> str:
    """The resume token of a session: its identity, for the record has all else."""
    return base64.urlsafe_b64encode(bytes.fromhex(session.id)).decode("ascii").rstrip("=")


def read_token(token: str) -> str:
    """The identity in a resume token.

    Raises:
        InvalidResumeTokenError: It isn't one of ours.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidResumeTokenError from error
    if len(raw) != _ID_BYTES:
        raise InvalidResumeTokenError
    return raw.hex()


class Sessions:
    """The records of a bucket."""

    def __init__(self, bucket: Bucket, keys: Keys) -> None:
        self._bucket = bucket
        self._keys = keys

    async def load(self, path: str) -> Stored | None:
        """Read the record of a path; `None` where no unfinished write is."""
        return await self.load_record(self._keys.record(path), path)

    async def load_record(self, key: str, path: str) -> Stored | None:
        """Read a record. One that can't be read is there without its session, to be thrown away, and is logged."""
        try:
            info, content = await read_whole(self._bucket, key)
        except PathNotFoundError:
            return None
        header, _, tail = content.partition(b"\n")
        session = self._read(header, key)
        if session is None:
            return Stored(Session("", path), b"", info.version)
        return Stored(session, tail, info.version)

    def _read(self, header: bytes, key: str) -> Session | None:
        try:
            session = _decode(header)
        except msgspec.MsgspecError as error:
            reason = str(error)
        else:
            if session.is_sound and self._keys.record(session.path) == key:
                return session
            reason = "it can't be of a write to this path"
        _log.warning("the record of an unfinished write can't be read", key=key, error=reason)
        return None

    async def save(self, session: Session, tail: bytes, *, replaces: str | None, is_new: bool) -> str | None:
        """Write a session's record, and return the version of it.

        Args:
            session: What is known of the write.
            tail: The bytes after its parts.
            replaces: The version that this one follows, where the store told one.
            is_new: Whether the session has no record yet.

        Raises:
            WriteConflictError: Another process has gone on with the write, or begun another one.
        """
        limits = self._bucket.limits
        precondition: Precondition | None = None
        if is_new and limits.create_only:
            precondition = CreateOnly()
        elif replaces is not None and limits.match_version:
            precondition = MatchVersion(replaces)
        content = b"".join((_encode(session), b"\n", tail))
        try:
            return await self._bucket.put(self._keys.record(session.path), content, precondition=precondition)
        except PreconditionFailedError as error:
            raise WriteConflictError(_CONFLICT) from error

    async def claim(self, stored: Stored, holder: str) -> str | None:
        """Take an unfinished write over from all who have opened it as well; return the record's new version.

        Whoever sends parts has to: others would send parts of the same numbers. Where the store can't write under
        conditions, it is only seen whether somebody else has gone on with it.

        Args:
            stored: The write, as it was opened.
            holder: What tells this claim from all others, from `new_holder`.

        Raises:
            WriteConflictError: Another process was faster.
        """
        if self._bucket.limits.match_version:
            session = msgspec.structs.replace(stored.session, holder=holder)
            return await self.save(session, stored.tail, replaces=stored.version, is_new=False)
        if not await self.is_current(stored.session, stored.version):
            raise WriteConflictError(_CONFLICT)
        return stored.version

    async def is_current(self, session: Session, version: str | None) -> bool:
        """Whether the record is still the one that was read or written last."""
        try:
            info = await self._bucket.head(self._keys.record(session.path))
        except PathNotFoundError:
            return False
        return version is None or info.version == version

    async def forget(self, session: Session) -> None:
        """Delete the record of a write that has ended."""
        await self._bucket.delete(self._keys.record(session.path))

    async def discard(self, session: Session) -> None:
        """Throw a write away: the parts that the store has, then its record."""
        if session.upload_id is not None:
            await self._bucket.abort_upload(self._keys.key(session.path), session.upload_id)
        await self.forget(session)
