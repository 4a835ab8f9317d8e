"""URLs that anybody may use for a while.

https://docs.openstack.org/swift/latest/api/temporary_url_middleware.html
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlencode, urlsplit

import structlog

from holdfast.storage.drivers.swift._objects import quoted
from holdfast.storage.drivers.swift._once import Once
from holdfast.storage.errors import AccessDeniedError

if TYPE_CHECKING:
    from holdfast.storage.drivers.swift._client import SwiftClient
    from holdfast.storage.drivers.swift.options import SwiftOptions

__all__ = ["Signer", "signature"]

_SECONDS: Final = 20 * 60
_log = structlog.get_logger(__name__)


class Signer:
    """Makes signed URLs, with the key of the container or the account.

    Args:
        client: Sends requests.
        options: May have a key.
    """

    def __init__(self, client: SwiftClient, options: SwiftOptions) -> None:
        self._client = client
        self._options = options
        self._key = Once(self._find_key, "holdfast-swift-key")

    async def url(self, key: str, *, method: str) -> str | None:
        """Return a URL for an object; `None` where the cluster takes none for this method, or we have no key."""
        features = await self._client.features()
        if method not in {"GET", "HEAD"} or method not in features.sign_methods:
            return None
        secret = await self._key.result()
        if secret is None:
            return None
        access = await self._client.tokens.access()
        parts = urlsplit(access.storage_url)
        name = f"{self._client.container}/{key}"
        expires = int(time.time()) + _SECONDS
        signed = signature(features.digest, secret, method, expires, f"{unquote(parts.path)}/{name}")
        if self._options.accesskey:
            signed = f"{access.project}:{self._options.accesskey}:{signed}"
        query = urlencode({"temp_url_sig": signed, "temp_url_expires": expires})
        return f"{access.storage_url}/{quoted(name)}?{query}"

    async def aclose(self) -> None:
        """Stop looking for the key."""
        await self._key.aclose()

    async def _find_key(self) -> str | None:
        """The key that is there, ours where the options have one, or a new one that is stored now."""
        of_container = (await self._client.features()).container_key
        place = "container" if of_container else "account"
        response = await self._client.call("HEAD", None, of_account=not of_container)
        start = f"X-{place.capitalize()}-Meta-Temp-Url-Key"
        there: list[str | None] = [response.headers.get(name) for name in (start, f"{start}-2")]
        given = self._options.secretkey.get_secret_value() if self._options.secretkey else None
        if given is not None and given in there:
            return given
        found = next(filter(None, there), None)
        if given is None and found is not None:
            return found
        made = given or secrets.token_hex(32)
        # URLs that others have signed with a key that is there stay good, if there is room for ours beside it.
        name = start if not there[0] or there[1] else f"{start}-2"
        try:
            await self._client.call("POST", None, headers={name: made}, of_account=not of_container)
        except AccessDeniedError as error:
            _log.warning(
                "content is served without redirects: the key for signed URLs can't be stored",
                place=place,
                error=error.message,
            )
            return None
        return made


def signature(digest: str, key: str, method: str, expires: int, path: str) -> str:
    """Sign a request.

    Args:
        digest: A hash, by its name.
        key: The secret.
        method: As in HTTP.
        expires: When it ends, in seconds since 1970.
        path: The path of the URL, from the version on, without percent signs.
    """
    return hmac.new(key.encode(), f"{method}\n{expires}\n{path}".encode(), digest).hexdigest()
