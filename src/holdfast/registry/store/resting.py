"""Running digests of uploads, between one request and the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

if TYPE_CHECKING:
    from holdfast.registry.store.hashing import RunningDigest
    from holdfast.storage.driver import FileWriter

__all__ = ["RestingDigests"]

_REMEMBERED = 4096
"""Running digests that this process keeps."""


class _Resting(NamedTuple):
    running: RunningDigest
    token: str | None


class RestingDigests:
    """What this process hashed of unfinished uploads; safe to lose, since the content can be read again.

    A digest is only worth something while storage has the very bytes that were hashed. Another replica may have
    thrown them away and begun anew, and the length alone doesn't tell. So a digest is kept together with the resume
    token of the unfinished write it has seen, and continuing by that token is what proves that it is still the same.

    Args:
        shared: Whether other processes may write to the same uploads: then nothing is kept without a token.
    """

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._resting: LRUCache[str, _Resting] = LRUCache(_REMEMBERED)

    def keep(self, uuid: str, running: RunningDigest, writer: FileWriter) -> None:
        """Keep a settled digest with the writer, closed by now, whose content it has seen; not if it has seen less."""
        token = writer.resume_token
        if running.size == writer.size and (token is not None or not self._shared):
            self._resting[uuid] = _Resting(running, token)

    def token(self, uuid: str) -> str | None:
        """Return the resume token by which an upload must be continued for its digest to be valid."""
        resting = self._resting.get(uuid)
        return resting.token if resting else None

    def take(self, uuid: str, size: int) -> RunningDigest | None:
        """Hand out an upload's digest, if it has seen all that storage has now."""
        resting = self._resting.pop(uuid, None)
        return resting.running if resting and resting.running.size == size else None

    def forget(self, uuid: str) -> None:
        """Drop an upload's digest."""
        self._resting.pop(uuid, None)
