"""`alicdn`: clients get content from Alibaba Cloud CDN, at URLs that are signed and good for a while.

Sources: Distribution 2.8, registry/storage/driver/middleware/alicdn, for the options; for the signatures "URL signing"
of Alibaba Cloud CDN, types A to C, https://www.alibabacloud.com/help/en/cdn/user-guide/configure-url-signing. There a
time in a URL of type B is in UTC+8; Distribution has it in the server's own time zone.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BeforeValidator, Field, SecretStr

from holdfast.duration import PositiveDuration
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware._url import SchemelessBaseURL
from holdfast.storage.options import DriverOptions

if TYPE_CHECKING:
    from holdfast.storage.driver import Capabilities, StorageDriver

__all__ = ["AliCDN", "signed_url"]

_BEIJING: Final = timezone(timedelta(hours=8))


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class AliCDN(ForwardingDriver):
    """Sends clients to Alibaba Cloud CDN, whose origin is the bucket or a web server with the storage's files."""

    class Options(DriverOptions):
        """Where the CDN is, and with what its URLs are signed."""

        baseurl: SchemelessBaseURL = Field(
            description=(
                "The URL at the CDN that stands before a file's path; without a scheme it is one of https. A driver's"
                " `rootdirectory` belongs to it: `https://cdn.example.com/rootdirectory`."
            )
        )
        authtype: Annotated[Literal["a", "b", "c"], BeforeValidator(_lower)] = Field(
            description="The type of URL signing that the CDN is configured for: `a`, `b` or `c`."
        )
        privatekey: SecretStr = Field(min_length=1, description="The key of URL signing.")
        duration: PositiveDuration = Field(
            default=timedelta(minutes=20),
            description="How much later than now the time in a URL is; the CDN adds what is configured there.",
        )

    def __init__(self, inner: StorageDriver, options: Options) -> None:
        super().__init__(inner)
        self._options = options
        self._capabilities = replace(inner.capabilities, redirect_get=True, redirect_head=True)

    @property
    def capabilities(self) -> Capabilities:
        """The inner driver's, and it redirects."""
        return self._capabilities

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Return a URL at the CDN for `GET` and `HEAD`; also for a path that isn't there."""
        if method not in {"GET", "HEAD"}:
            return None
        options = self._options
        expires = int(time.time() + options.duration.total_seconds())
        key = options.privatekey.get_secret_value()
        return signed_url(options.baseurl + path, kind=options.authtype, key=key, expires=expires)


def signed_url(url: str, *, kind: Literal["a", "b", "c"], key: str, expires: int, nonce: str | None = None) -> str:
    """Sign a URL as the CDN's URL signing has it.

    Args:
        url: The URL; a query that it has isn't signed.
        kind: The type of signing.
        key: The key.
        expires: The time in the URL, in seconds since 1970.
        nonce: For type A, what makes the URL one of a kind; a random one, if omitted.
    """
    parts = urlsplit(url)
    if kind == "a":
        nonce = nonce or uuid.uuid4().hex
        mark = _md5(f"{parts.path}-{expires}-{nonce}-0-{key}")
        auth = f"auth_key={expires}-{nonce}-0-{mark}"
        return urlunsplit(parts._replace(query=f"{parts.query}&{auth}" if parts.query else auth))
    if kind == "b":
        when = datetime.fromtimestamp(expires, UTC).astimezone(_BEIJING).strftime("%Y%m%d%H%M")
        before = f"/{when}/{_md5(key + when + parts.path)}"
    else:
        before = f"/{_md5(f'{key}{parts.path}{expires:x}')}/{expires:x}"
    return urlunsplit(parts._replace(path=before + parts.path))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
