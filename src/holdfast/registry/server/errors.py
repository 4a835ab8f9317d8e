"""Why a server doesn't start, or ends."""

from __future__ import annotations

from holdfast.storage.errors import ConfigurationError, HoldfastError

__all__ = ["ListenError", "ServerFailedError"]


class ListenError(ConfigurationError):
    """The address can't be listened on; nothing was started.

    Attributes:
        address: The address asked for: `host:port`, or the path of a unix socket.
        reason: Why not, in the operating system's words.
        remedy: What the operator can do about it.
    """

    def __init__(self, *, address: str, reason: str, remedy: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}; {remedy}")
        self.address = address
        self.reason = reason
        self.remedy = remedy


class ServerFailedError(HoldfastError):
    """The server ended although nobody asked it to."""
