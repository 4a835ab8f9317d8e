"""Signatures of version 4, as botocore makes them."""

from collections.abc import Mapping

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

__all__ = ["TRAILER", "presigned", "signed"]

TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
"""What stands for the content's checksum where the checksum comes after the content."""


def signed(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    keys: tuple[str, str],
    region: str,
    service: str = "s3",
    content: str | None = None,
) -> dict[str, str]:
    """Returns the headers of a request, its signature among them.

    Args:
        method: The method.
        url: The whole URL, escaped.
        headers: Further headers, which are signed too.
        body: The body.
        keys: The access key and its secret.
        region: The region that it is signed for.
        service: The service that it is signed for.
        content: What stands for the content's checksum, when it isn't that.
    """
    request = AWSRequest(method, url, data=body, headers=dict(headers or {}))
    scheme = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(*keys), service, region)
    if content is not None:
        scheme.payload = lambda _: content
    scheme.add_auth(request)
    return dict(request.headers.items())


def presigned(method: str, url: str, *, keys: tuple[str, str], region: str) -> str:
    """Returns a URL of S3 that anybody may use, for an hour.

    Args:
        method: The method that it is good for.
        url: The URL, escaped and without a query.
        keys: As for `signed`.
        region: As for `signed`.
    """
    request = AWSRequest(method, url)
    S3SigV4QueryAuth(Credentials(*keys), "s3", region).add_auth(request)
    return str(request.url)
