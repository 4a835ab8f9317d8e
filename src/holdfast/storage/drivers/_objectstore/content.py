"""The content of a request to a store, for SDKs that send by aiohttp."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.storage.driver import Buffer

__all__ = ["Content"]


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
