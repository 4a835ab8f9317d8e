"""`cloudfront`: clients get content from Amazon CloudFront, at URLs that are signed and good for a while.

Sources: https://github.com/distribution/distribution/tree/main/registry/storage/driver/middleware/cloudfront for the
options and what they do; for the URLs, "Create a signed URL using a canned policy" in the CloudFront developer guide,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from holdfast.duration import PositiveDuration
from holdfast.storage.client import client_address
from holdfast.storage.errors import InvalidParameterError
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware import KIND
from holdfast.storage.middleware._aws_ranges import AWSRanges
from holdfast.storage.middleware._url import SchemelessBaseURL
from holdfast.storage.options import DriverOptions

if TYPE_CHECKING:
    from holdfast.storage.driver import Capabilities, StorageDriver

__all__ = ["CloudFront", "signed_url"]

_log = structlog.get_logger(__name__)


def _word(value: object) -> object:
    return (value.strip().lower() or "none") if isinstance(value, str) else value


class CloudFront(ForwardingDriver):
    """Sends clients to CloudFront, and those within Amazon's own network to the store itself, if so configured.

    The distribution's origin is the bucket, or a web server with the folder of the `filesystem` driver. A driver whose
    content others can't read (`Capabilities.object_prefix` is `None`) redirects as it does by itself.
    """

    class Options(DriverOptions):
        """Where the distribution is, and with what its URLs are signed."""

        baseurl: SchemelessBaseURL = Field(
            description="The distribution's URL; without a scheme it is one of https: `d111111abcdef8.cloudfront.net`."
        )
        privatekey: str = Field(
            min_length=1, description="The file of the RSA private key that URLs are signed with, in PEM."
        )
        keypairid: str = Field(min_length=1, description="The ID of its public key at CloudFront.")
        duration: PositiveDuration = Field(default=timedelta(minutes=20), description="How long a URL is good.")
        ipfilteredby: Annotated[Literal["none", "aws", "awsregion"], BeforeValidator(_word)] = Field(
            default="none",
            description=(
                "Which clients are sent to the store instead: `none`, `aws` for those with an address of Amazon's,"
                " `awsregion` for those with one of the regions in `awsregion`."
            ),
        )
        awsregion: str | None = Field(
            default=None, description="The regions, with commas between them: `us-east-1, eu-west-3`."
        )
        updatefrequency: PositiveDuration = Field(
            default=timedelta(hours=12),
            validation_alias=AliasChoices("updatefrequency", "updatefrenquency"),
            description="How often the list of Amazon's addresses is read again.",
        )
        iprangesurl: str = Field(
            default="https://ip-ranges.amazonaws.com/ip-ranges.json",
            pattern="^https?://",
            description="Where that list is.",
        )

        @model_validator(mode="after")
        def _regions_are_named(self) -> CloudFront.Options:
            if self.ipfilteredby == "awsregion" and not self.regions:
                raise ValueError("ipfilteredby: awsregion needs awsregion")
            return self

        @property
        def regions(self) -> frozenset[str]:
            """The regions, in lower case."""
            return frozenset(region.strip().lower() for region in (self.awsregion or "").split(",") if region.strip())

    def __init__(self, inner: StorageDriver, options: Options) -> None:
        super().__init__(inner)
        self._options = options
        self._key = _read_key(options.privatekey)
        self._prefix = inner.capabilities.object_prefix
        self._capabilities = inner.capabilities
        if self._prefix is None:
            _log.warning("cloudfront changes nothing: only the driver can read its content", driver=inner.name)
        else:
            self._capabilities = replace(inner.capabilities, redirect_get=True, redirect_head=True)
        self._ranges: AWSRanges | None = None
        if options.ipfilteredby != "none":
            regions = options.regions if options.ipfilteredby == "awsregion" else None
            self._ranges = AWSRanges(options.iprangesurl, every=options.updatefrequency, regions=regions)

    @property
    def capabilities(self) -> Capabilities:
        """The inner driver's, and it redirects."""
        return self._capabilities

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Return a URL at CloudFront for `GET` and `HEAD`, or the store's own for a client in Amazon's network."""
        if self._prefix is None or self._is_near():
            return await self.inner.redirect_url(path, method=method)
        if method not in {"GET", "HEAD"}:
            return None
        url = f"{self._options.baseurl}/{quote(self._prefix + path[1:])}"
        expires = int(time.time() + self._options.duration.total_seconds())
        # A signature takes a millisecond, or several with a long key: too long for the event loop.
        return await asyncio.to_thread(
            signed_url, url, key=self._key, key_pair_id=self._options.keypairid, expires=expires
        )

    async def aclose(self) -> None:
        """Stop looking for Amazon's addresses, and close the inner driver."""
        try:
            if self._ranges is not None:
                await self._ranges.aclose()
        finally:
            await self.inner.aclose()

    def _is_near(self) -> bool:
        if self._ranges is None:
            return False
        address = client_address()
        return address is not None and self._ranges.contain(address)


def signed_url(url: str, *, key: RSAPrivateKey, key_pair_id: str, expires: int) -> str:
    """Sign a URL with CloudFront's canned policy, for which it demands RSA and SHA-1.

    Args:
        url: The URL, without a query.
        key: The private key.
        key_pair_id: The ID of its public key.
        expires: Until when it is good, in seconds since 1970.
    """
    condition = {"DateLessThan": {"AWS:EpochTime": expires}}
    policy = json.dumps({"Statement": [{"Resource": url, "Condition": condition}]}, separators=(",", ":"))
    signature = key.sign(policy.encode(), PKCS1v15(), SHA1())  # noqa: S303 - CloudFront takes no other
    # Its own alphabet for base64, so that nothing in it needs to be percent-encoded.
    text = base64.b64encode(signature, altchars=b"-~").replace(b"=", b"_").decode("ascii")
    return f"{url}?Expires={expires}&Signature={text}&Key-Pair-Id={quote(key_pair_id)}"


def _read_key(file: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(Path(file).read_bytes(), password=None)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidParameterError("cloudfront", "privatekey", f"{file} can't be read: {reason}", kind=KIND) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = f"{file} isn't a private key in PEM without a passphrase"
        raise InvalidParameterError("cloudfront", "privatekey", reason, kind=KIND) from error
    if not isinstance(key, RSAPrivateKey):
        raise InvalidParameterError("cloudfront", "privatekey", f"{file} isn't an RSA key", kind=KIND)
    return key
