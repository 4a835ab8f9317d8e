"""`redirect`: clients get content from a web server or CDN in front of the storage, at a URL that is the file's path.

Source: https://github.com/distribution/distribution/tree/main/registry/storage/driver/middleware/redirect.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware._url import BaseURL
from holdfast.storage.options import DriverOptions

if TYPE_CHECKING:
    from holdfast.storage.driver import Capabilities, StorageDriver

__all__ = ["Redirect"]


class Redirect(ForwardingDriver):
    """Sends clients to a web server that serves the storage's files by their paths.

    What the driver itself would answer doesn't count: giving a URL is what this is for. The URL isn't signed; whoever
    knows it can get the content.
    """

    class Options(DriverOptions):
        """Where the files are served."""

        baseurl: BaseURL = Field(
            description="The URL that stands before a file's path, such as `https://cdn.example.com/files`."
        )

    def __init__(self, inner: StorageDriver, options: Options) -> None:
        super().__init__(inner)
        self._baseurl = options.baseurl
        self._capabilities = replace(inner.capabilities, redirect_get=True, redirect_head=True)

    @property
    def capabilities(self) -> Capabilities:
        """The inner driver's, and it redirects."""
        return self._capabilities

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Return the base URL with the path behind it, for `GET` and `HEAD`; also for a path that isn't there."""
        return self._baseurl + path if method in {"GET", "HEAD"} else None
