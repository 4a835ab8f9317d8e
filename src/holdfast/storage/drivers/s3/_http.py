"""What the SDK's way of HTTP needs, so that no request is repeated behind our back, and sending can be watched."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from aiobotocore.httpsession import AIOHTTPSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.storage.driver import Buffer

__all__ = ["Content", "SingleAttempts", "attach_sending"]


class SingleAttempts(AIOHTTPSession):  # type: ignore[misc]  # it has no types
    """Sends each request once.

    aiohttp sends a `PUT` or `DELETE` again by itself when its connection breaks. Then nobody knows that the first one
    may have been executed, and a write under a condition fails on what it has written itself.
    """

    async def _get_session(self, proxy_url: str | None) -> Any:
        session = await super()._get_session(proxy_url)
        session._retry_connection = False  # noqa: SLF001 - there is no other way; aiohttp's test client goes it, too
        return session


class Content(BytesIO):
    """The content of a request, without a copy, that tells when more of it goes to the store.

    A `BytesIO` shares the bytes that it was made of until it is asked for its buffer: aiohttp does that, to learn the
    size.

    Attributes:
        on_read: Called when more goes, from whatever thread.
    """

    def __init__(self, content: Buffer) -> None:
        super().__init__(content)
        self._content = content
        self.on_read: Callable[[], object] | None = None

    def getbuffer(self) -> memoryview:
        """The bytes that it was made of."""
        return memoryview(self._content)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and tell."""
        if self.on_read is not None:
            self.on_read()
        return super().read(size)


def attach_sending(events: Any) -> None:
    """Have an SDK's client send content without asking first.

    To ask (`Expect: 100-continue`) takes a round trip for each object and part, and where the connection breaks while
    it waits, aiohttp leaves an error behind that nobody takes.
    """
    events.register_last("before-call.s3", _ask_nothing)


def _ask_nothing(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)
