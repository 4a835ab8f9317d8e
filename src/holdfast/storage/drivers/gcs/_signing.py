"""URLs that anybody may use for a while: V4 signatures.

https://cloud.google.com/storage/docs/authentication/signatures
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from anyio import to_thread
from google.auth.credentials import Signing

from holdfast.storage.drivers.gcs.errors import translated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.storage.drivers.gcs._client import GCSClient
    from holdfast.storage.drivers.gcs._credentials import Found

__all__ = ["IAM_ENDPOINT", "signed_url", "signer"]

IAM_ENDPOINT: Final = "https://iamcredentials.googleapis.com"
"""Where bytes are signed for accounts whose key isn't here."""

_ALGORITHM: Final = "GOOG4-RSA-SHA256"


async def signed_url(
    endpoint: str,
    bucket: str,
    key: str,
    *,
    method: str,
    seconds: int,
    email: str,
    sign: Callable[[bytes], Awaitable[bytes]],
    now: datetime | None = None,
) -> str:
    """Make a URL of an object that is good for one method and a while.

    Args:
        endpoint: What the URL begins with; clients must ask for its host, which is signed.
        bucket: The bucket.
        key: The object; it may be missing.
        method: As in HTTP.
        seconds: How long it is good.
        email: Of the account that signs.
        sign: Signs bytes, by RSA and SHA-256.
        now: When it begins to be good.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/auto/storage/goog4_request"
    parts = urlsplit(endpoint)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname  # the port isn't signed
    path = f"{parts.path}/{quote(bucket, safe='')}/{quote(key, safe='/~')}"
    query = urlencode(
        [
            ("X-Goog-Algorithm", _ALGORITHM),
            ("X-Goog-Credential", f"{email}/{scope}"),
            ("X-Goog-Date", moment),
            ("X-Goog-Expires", str(seconds)),
            ("X-Goog-SignedHeaders", "host"),
        ],
        quote_via=quote,
        safe="",
    )
    canonical = "\n".join((method, path, query, f"host:{host}", "", "host", "UNSIGNED-PAYLOAD"))
    text = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = (await sign(text.encode())).hex()
    return f"{parts.scheme}://{parts.netloc}{path}?{query}&X-Goog-Signature={signature}"


def signer(found: Found, client: GCSClient) -> Callable[[bytes], Awaitable[bytes]] | None:
    """What signs as the account that was found: its key, or IAM without one; `None` for who isn't a service account."""
    credentials = found.credentials
    if isinstance(credentials, Signing):

        async def by_key(text: bytes) -> bytes:
            with translated():
                # A millisecond for a key, a request for an impersonated account.
                signature: bytes = await to_thread.run_sync(credentials.sign_bytes, text)
            return signature

        return by_key
    if found.email is None:
        return None
    url = f"{IAM_ENDPOINT}/v1/projects/-/serviceAccounts/{quote(found.email, safe='@')}:signBlob"

    async def by_iam(text: bytes) -> bytes:
        answer = await client.post(url, _SignedBlob, json={"payload": base64.b64encode(text).decode()})
        return base64.b64decode(answer.signed_blob)

    return by_iam


class _SignedBlob(msgspec.Struct, rename="camel"):
    signed_blob: str
