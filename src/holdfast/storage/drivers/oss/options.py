"""What the oss driver takes; names, defaults and meanings are those of Distribution 2.8, unless said otherwise."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from holdfast.storage.drivers._objectstore.options import as_text, without_empty
from holdfast.storage.options import DriverOptions

__all__ = ["Address", "OSSOptions"]

_MIB = 1024 * 1024
_GIB = 1024 * _MIB

_SERVICE = re.compile(r"(?:oss-[a-z0-9-]+|[a-z0-9-]+\.oss)\.aliyuncs\.com", re.IGNORECASE)
"""A host of a region, of which each bucket has one below."""

_REGION = re.compile(r"(?:oss-)?[a-z][a-z0-9-]*[a-z0-9]")


class Address(NamedTuple):
    """Where requests go.

    Attributes:
        endpoint: Scheme and host.
        is_buckets: The host stands for the bucket itself, and isn't one that buckets have theirs below.
    """

    endpoint: str
    is_buckets: bool


def _check_endpoint(endpoint: str | None) -> str | None:
    if endpoint is None:
        return None
    parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    if parts.scheme not in {"", "http", "https"} or not parts.hostname:
        raise ValueError("must be a host, or an http:// or https:// address of one")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be scheme and host only, without path and query")
    return endpoint.rstrip("/")


Endpoint = Annotated[str | None, AfterValidator(_check_endpoint)]


class OSSOptions(DriverOptions):
    """Options of the `oss` driver; defaults as on Distribution's page `storage-drivers/oss`. Empty is not given."""

    accesskeyid: SecretStr | None = Field(
        default=None,
        description="The access key id. Without it and `accesskeysecret`, credentials are looked for where Alibaba"
        " Cloud's libraries do: variables, an OIDC token, the files of the CLI, then the metadata of the machine.",
    )
    accesskeysecret: SecretStr | None = Field(default=None, description="The secret that belongs to `accesskeyid`.")
    securitytoken: SecretStr | None = Field(
        default=None,
        description="The token of STS, where `accesskeyid` and `accesskeysecret` are temporary; nothing renews it. Of"
        " our own, not upstream's.",
    )
    ramrole: str | None = Field(
        default=None,
        description="The RAM role of this ECS instance, for which its metadata gives credentials: nothing else is"
        " looked at then. Of our own, not upstream's.",
    )
    region: str = Field(description="The region of the bucket, such as `oss-cn-beijing`.")
    bucket: str = Field(min_length=1, description="The bucket; it must exist.")
    endpoint: Endpoint = Field(
        default=None,
        description="Another host for the bucket than `BUCKET.REGION.aliyuncs.com`: a domain that is bound to it, or"
        " the bucket's host below another of OSS's endpoints. The endpoint of a region alone will do, too.",
    )
    internal: bool = Field(
        default=False, description="Use the region's internal endpoint, which only machines in the region reach."
    )
    redirectendpoint: Endpoint = Field(
        default=None,
        description="The host at which clients reach the bucket, in the URLs that they are redirected to, if it isn't"
        " the one that the registry uses; as for `endpoint`. Of our own, not upstream's.",
    )
    encrypt: bool = Field(
        default=False,
        description="Have OSS encrypt what is written, with keys of its own or with `encryptionkeyid`. A bucket's own"
        " setting does without it.",
    )
    encryptionkeyid: str | None = Field(
        default=None, description="The KMS key to encrypt with; without `encrypt` it means nothing."
    )
    secure: bool = Field(
        default=True, description="Use HTTPS. Where an endpoint has a scheme, the scheme counts instead."
    )
    chunksize: int = Field(
        default=10 * _MIB,
        ge=5 * _MIB,
        le=5 * _GIB,
        description="Bytes of a part of a multipart upload; larger ones suit fast connections. Parts grow by themselves"
        " where an object would need more than 10,000.",
    )
    rootdirectory: str = Field(
        default="", description="What all keys begin with, so that a bucket can have more than the registry in it."
    )
    multipartcopychunksize: int = Field(
        default=128 * _MIB,
        ge=_MIB,
        le=5 * _GIB,
        description="Bytes of a part when OSS copies a large object. Grows like `chunksize`. Of our own, not"
        " upstream's.",
    )
    multipartcopymaxconcurrency: int = Field(
        default=16,
        ge=1,
        description="How many parts of one object OSS is asked to copy at once. Of our own, not upstream's.",
    )
    multipartcopythresholdsize: int = Field(
        default=256 * _MIB,
        ge=0,
        le=5 * _GIB,
        description="Objects larger than this are copied in parts, others by one request. Of our own, not upstream's.",
    )
    createonly: bool = Field(
        default=True,
        description="Rely on `x-oss-forbid-overwrite` where something may only be written if nothing is there. OSS"
        " ignores that in a bucket that has, or had, versioning: set it to false there. Of our own, not upstream's.",
    )
    buffermemory: int = Field(
        default=256 * _MIB,
        ge=5 * _MIB,
        description="Bytes of memory that parts on their way to OSS may take, of all uploads together. Writers wait"
        " when it is used up. Of our own, not upstream's.",
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, parameters: Any) -> Any:
        """A bucket without a name is told as such."""
        return without_empty(parameters, cls.model_fields.keys() - {"bucket"})

    _text = field_validator(
        "accesskeyid", "accesskeysecret", "securitytoken", "bucket", "encryptionkeyid", "rootdirectory", mode="before"
    )(as_text)

    @field_validator("region")
    @classmethod
    def _known_form(cls, value: str) -> str:
        if not _REGION.fullmatch(value):
            raise ValueError("must be the name of a region, such as 'oss-cn-beijing'")
        return value

    @model_validator(mode="after")
    def _whole_keys(self) -> Self:
        if (self.accesskeyid is None) != (self.accesskeysecret is None):
            given, missing = "accesskeyid", "accesskeysecret"
            if self.accesskeyid is None:
                given, missing = missing, given
            raise ValueError(
                f"{given} is given without {missing}: give both, or neither to have credentials looked for"
            )
        if self.securitytoken is not None and self.accesskeyid is None:
            raise ValueError("securitytoken is given without accesskeyid and accesskeysecret, which it belongs to")
        if self.ramrole is not None and self.accesskeyid is not None:
            raise ValueError("ramrole and accesskeyid exclude each other: give one of them")
        return self

    @property
    def signing_region(self) -> str:
        """The region as signatures have it: `cn-beijing`."""
        return self.region.removeprefix("oss-")

    @property
    def address(self) -> Address:
        """Where the registry's requests go."""
        if self.endpoint is not None:
            return self._address(self.endpoint)
        suffix = "-internal" if self.internal else ""
        return Address(f"{self._scheme}://oss-{self.signing_region}{suffix}.aliyuncs.com", is_buckets=False)

    @property
    def public_address(self) -> Address:
        """Where clients' requests go."""
        return self.address if self.redirectendpoint is None else self._address(self.redirectendpoint)

    @property
    def _scheme(self) -> str:
        return "https" if self.secure else "http"

    def _address(self, endpoint: str) -> Address:
        whole = endpoint if "://" in endpoint else f"{self._scheme}://{endpoint}"
        host = urlsplit(whole).hostname or ""
        return Address(whole, is_buckets=not (_SERVICE.fullmatch(host) or _is_ip(host)))


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
