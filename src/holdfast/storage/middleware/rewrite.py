"""`rewrite`: the URLs that the storage gives lead through another host, as to a CDN in front of the store.

Source: https://github.com/distribution/distribution/tree/main/registry/storage/driver/middleware/rewrite. Where the
driver gives no URL, upstream makes one of the host alone; here there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field

from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.options import DriverOptions

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["Rewrite"]


class Rewrite(ForwardingDriver):
    """Replaces scheme, host and the beginning of the path in the URLs that the driver gives.

    The query stays, a signature in it included; whether that holds for another host is up to who checks it.
    """

    class Options(DriverOptions):
        """What is replaced; what isn't given stays."""

        scheme: str | None = Field(default=None, pattern=r"^(https?)?$", description="The scheme: `https` or `http`.")
        host: str | None = Field(
            default=None,
            pattern=r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])?(:[0-9]+)?$",
            description="The host, with its port where it isn't the scheme's usual one.",
        )
        trimpathprefix: str | None = Field(
            default=None, description="What is taken away from the beginning of the path, such as `/container`."
        )

    def __init__(self, inner: StorageDriver, options: Options) -> None:
        super().__init__(inner)
        self._options = options

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Return the inner driver's URL, rewritten; `None` where it gives none."""
        url = await self.inner.redirect_url(path, method=method)
        if url is None:
            return None
        parts, options = urlsplit(url), self._options
        return urlunsplit(
            parts._replace(
                scheme=options.scheme or parts.scheme,
                netloc=options.host or parts.netloc,
                path=parts.path.removeprefix(options.trimpathprefix or ""),
            )
        )
