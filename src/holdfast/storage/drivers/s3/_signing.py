"""URLs by which a client reads an object itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from botocore.auth import HmacV1QueryAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from holdfast.storage.drivers.s3.errors import SDK_ERRORS, storage_error

if TYPE_CHECKING:
    from holdfast.storage.drivers.s3._client import Client

__all__ = ["sign", "sign_for_us"]

_SECONDS: Final = 20 * 60
"""As long as upstream's: a download has to begin by then."""

_OPERATIONS: Final = {"GET": "get_object", "HEAD": "head_object"}


async def sign(client: Client, key: str, method: str) -> str | None:
    """See `Bucket.sign`."""
    operation = _OPERATIONS.get(method)
    if operation is None:
        return None
    url = await _sign(client, key, operation)
    if client.options.redirectendpoint is None:
        return url
    try:
        credentials = await (await client.credentials()).get_frozen_credentials()
        return _sign_elsewhere(client, credentials, method, url)
    except SDK_ERRORS as error:
        raise storage_error(error, client.bucket) from error


async def sign_for_us(client: Client, key: str) -> str:
    """Make the URL by which we read an object ourselves, whatever endpoint clients see."""
    return await _sign(client, key, _OPERATIONS["GET"])


async def _sign(client: Client, key: str, operation: str) -> str:
    sdk = await client.connected()
    parameters = {"Bucket": client.bucket, "Key": key}
    try:
        return str(await sdk.generate_presigned_url(operation, Params=parameters, ExpiresIn=_SECONDS))
    except SDK_ERRORS as error:
        raise storage_error(error, client.bucket) from error


def _sign_elsewhere(client: Client, credentials: Any, method: str, url: str) -> str:
    """Sign for another host, which the signature is about; everything else of the URL stays."""
    public, inner = urlsplit(str(client.options.redirectendpoint)), urlsplit(url)
    request = AWSRequest(method=method, url=urlunsplit((public.scheme, public.netloc, inner.path, "", "")))
    if client.options.v4auth:
        signer = S3SigV4QueryAuth(credentials, "s3", client.options.signing_region, expires=_SECONDS)
    else:
        signer = HmacV1QueryAuth(credentials, expires=_SECONDS)
    signer.add_auth(request)
    return str(request.url)
