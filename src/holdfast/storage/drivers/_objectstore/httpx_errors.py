"""What httpx raises, as storage errors, for the drivers that speak HTTP by themselves."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import httpx

from holdfast.storage.errors import (
    IncompleteReadError,
    StorageError,
    StorageTimeoutError,
    StorageUnavailableError,
    UnexpectedStorageError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["HTTPX_ERRORS", "HTTPX_KINDS", "body_errors", "body_pieces", "described", "nearest_kind", "one_line"]

HTTPX_ERRORS: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)
"""What a request of httpx raises."""

HTTPX_KINDS: Final[Mapping[type[Exception], type[StorageError]]] = {
    httpx.TimeoutException: StorageTimeoutError,
    httpx.ConnectTimeout: StorageTimeoutError,
    httpx.ReadTimeout: StorageTimeoutError,
    httpx.WriteTimeout: StorageTimeoutError,
    httpx.PoolTimeout: StorageTimeoutError,
    httpx.NetworkError: StorageUnavailableError,
    httpx.ConnectError: StorageUnavailableError,
    httpx.ReadError: StorageUnavailableError,
    httpx.WriteError: StorageUnavailableError,
    httpx.CloseError: StorageUnavailableError,
    httpx.ProxyError: StorageUnavailableError,
    httpx.ProtocolError: StorageUnavailableError,
    httpx.RemoteProtocolError: StorageUnavailableError,
    httpx.DecodingError: StorageUnavailableError,
    httpx.LocalProtocolError: UnexpectedStorageError,
    httpx.HTTPError: UnexpectedStorageError,
    httpx.TransportError: UnexpectedStorageError,
    httpx.RequestError: UnexpectedStorageError,
    httpx.HTTPStatusError: UnexpectedStorageError,
    httpx.TooManyRedirects: UnexpectedStorageError,
    httpx.UnsupportedProtocol: UnexpectedStorageError,
    httpx.InvalidURL: UnexpectedStorageError,
    httpx.CookieConflict: UnexpectedStorageError,
    httpx.StreamError: UnexpectedStorageError,
    httpx.StreamClosed: UnexpectedStorageError,
    httpx.StreamConsumed: UnexpectedStorageError,
    httpx.ResponseNotRead: UnexpectedStorageError,
    httpx.RequestNotRead: UnexpectedStorageError,
}
"""What each exception of httpx means."""

_MESSAGE_CHARACTERS: Final = 300


def nearest_kind(error: Exception, kinds: Mapping[type[Exception], type[StorageError]]) -> type[StorageError]:
    """Look up what an exception means; one of a class that isn't in the table counts as the nearest of its bases."""
    return next((kinds[base] for base in type(error).__mro__ if base in kinds), UnexpectedStorageError)


def described(error: Exception, kind: type[StorageError]) -> StorageError:
    """Make the storage error that an exception is, `kind` unless a certificate wasn't trusted: that doesn't pass."""
    if kind is StorageUnavailableError and _is_distrust(error):
        kind = UnexpectedStorageError
    return kind(f"{type(error).__name__}: {one_line(str(error))}".rstrip(": "))


def one_line(text: str) -> str:
    """What a store or a library says, in one line that isn't too long."""
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE_CHARACTERS else line[: _MESSAGE_CHARACTERS - 1] + "…"


@contextmanager
def body_errors(translated: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Translate what happens after the head: a connection that ends before the content does.

    Args:
        translated: Raises exceptions of the libraries as storage errors.

    Raises:
        IncompleteReadError: It did.
    """
    try:
        with translated():
            yield
    except StorageUnavailableError as error:
        raise IncompleteReadError(f"the connection broke: {error.message}") from error


async def body_pieces(
    response: httpx.Response, translated: Callable[[], AbstractContextManager[None]]
) -> AsyncGenerator[bytes]:
    """Yield the body; with the last piece it has been read to its end, so that its connection can be used again.

    Args:
        response: An answer whose body is yet to be read.
        translated: As for `body_errors`, which is what is raised.
    """
    left = int(response.headers.get("Content-Length", -1))
    pieces = response.aiter_raw()
    with body_errors(translated):
        async for piece in pieces:
            left -= len(piece)
            if left == 0:
                await anext(pieces, None)
            if piece:
                yield piece


def _is_distrust(error: BaseException) -> bool:
    """Whether a certificate wasn't trusted, somewhere below."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
