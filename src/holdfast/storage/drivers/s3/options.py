"""What the s3 driver takes; names, defaults and meanings are upstream's, but for `profile` and `buffermemory`."""

from __future__ import annotations

import re
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from holdfast.storage.drivers._objectstore.options import as_text, without_empty
from holdfast.storage.drivers.s3._profiles import Profile, find_profile, profile_names
from holdfast.storage.options import DriverOptions

__all__ = ["DEFAULT_REGION", "LogLevel", "S3Options"]

MIB = 1024 * 1024
GIB = 1024 * MIB

DEFAULT_REGION = "us-east-1"
"""What requests to a store of another vendor are signed for, where `region` isn't given."""

LogLevel = Literal[
    "off",
    "debug",
    "debugwithsigning",
    "debugwithhttpbody",
    "debugwithrequestretries",
    "debugwithrequesterrors",
    "debugwitheventstreambody",
]

_STORAGE_CLASSES = (
    "NONE",
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "OUTPOSTS",
    "GLACIER_IR",
    "EXPRESS_ONEZONE",
)
_OBJECT_ACLS = (
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
)
_AMAZON_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d+")


class S3Options(DriverOptions):
    """Options of the `s3` driver; defaults as on Distribution's page `storage-drivers/s3`. Empty text is not given."""

    accesskey: SecretStr | None = Field(
        default=None,
        description="The access key id. Without it and `secretkey`, credentials are looked for where AWS's SDKs do:"
        " variables, web identity, the shared files, then the metadata of the container or machine.",
    )
    secretkey: SecretStr | None = Field(default=None, description="The secret access key that belongs to `accesskey`.")
    sessiontoken: SecretStr | None = Field(
        default=None, description="The session token, where `accesskey` and `secretkey` are temporary."
    )
    region: str | None = Field(
        default=None,
        description="The region of the bucket, such as `eu-central-1`. Required on Amazon S3; with `regionendpoint` it"
        " is what requests are signed for, `us-east-1` if it isn't given.",
    )
    regionendpoint: str | None = Field(
        default=None,
        description="The address of a store that isn't Amazon's, such as `https://ceph.example.com`; without a scheme,"
        " `secure` chooses it. Most such stores need `forcepathstyle`, too.",
    )
    redirectendpoint: str | None = Field(
        default=None,
        description="The public address of the store (scheme and host only) in the URLs that clients are redirected to,"
        " where it isn't the one that the registry uses. Only the host is exchanged, so set `forcepathstyle`, too,"
        " unless that host stands for the bucket itself.",
    )
    forcepathstyle: bool = Field(
        default=False,
        description="Name the bucket in the path (`https://host/bucket/key`) instead of in the host"
        " (`https://bucket.host/key`). Most stores that aren't Amazon's want it.",
    )
    bucket: str = Field(min_length=1, description="The bucket; it must exist.")
    encrypt: bool = Field(
        default=False, description="Have the store encrypt what is written, with keys of its own or with `keyid`."
    )
    keyid: str | None = Field(
        default=None, description="The KMS key to encrypt with; without `encrypt` it means nothing."
    )
    secure: bool = Field(
        default=True, description="Use HTTPS. Where `regionendpoint` has a scheme, the scheme counts instead."
    )
    skipverify: bool = Field(
        default=False,
        description="Take any TLS certificate. Whoever is on the way can then read and change everything: better name"
        " the store's own authority in the variable `AWS_CA_BUNDLE`.",
    )
    v4auth: bool = Field(
        default=True,
        description="Sign requests with version 4. Only set it to false for an old store that knows version 2 alone;"
        " reading is slower then.",
    )
    chunksize: int = Field(
        default=10 * MIB,
        ge=5 * MIB,
        le=5 * GIB,
        description="Bytes of a part of a multipart upload; larger ones suit fast connections. Parts grow by themselves"
        " where an object would need more than 10,000.",
    )
    multipartcopychunksize: int = Field(
        default=32 * MIB,
        ge=5 * MIB,
        le=5 * GIB,
        description="Bytes of a part when the store copies a large object. Grows like `chunksize`.",
    )
    multipartcopymaxconcurrency: int = Field(
        default=100, ge=1, description="How many parts of one object the store is asked to copy at once."
    )
    multipartcopythresholdsize: int = Field(
        default=32 * MIB,
        ge=0,
        le=5 * GIB,
        description="Objects larger than this are copied in parts, others by one request. Where the profile says the"
        " store copies without moving content, all are copied by one request, unless this is given.",
    )
    rootdirectory: str = Field(
        default="", description="What all keys begin with, so that a bucket can have more than the registry in it."
    )
    storageclass: str = Field(
        default="STANDARD",
        description=f"The storage class of what is written: {', '.join(_STORAGE_CLASSES[1:])}; `NONE` leaves it to the"
        " store, for those that have none.",
    )
    objectacl: str = Field(
        default="private",
        description=f"The canned ACL of what is written: {', '.join(_OBJECT_ACLS)}. A bucket of another account wants"
        " `bucket-owner-full-control`.",
    )
    useragent: str = Field(default="", description="Added to the `User-Agent` of requests.")
    usedualstack: bool = Field(default=False, description="Use Amazon's endpoints that have IPv6, too.")
    accelerate: bool = Field(
        default=False, description="Use Amazon's transfer acceleration; it must be on for the bucket."
    )
    usefipsendpoint: bool = Field(
        default=False,
        description="Use Amazon's FIPS endpoints. All requests then go through Python's OpenSSL, which is slower"
        " to read with.",
    )
    loglevel: LogLevel = Field(
        default="off",
        description="Log requests to the store: `debug` each with its status, `debugwithsigning` what was signed,"
        " `debugwithhttpbody` the documents that answer (never content), `debugwithrequesterrors` the errors."
        " The others are taken and mean `debug`.",
    )
    profile: str = Field(
        default="auto",
        description=f"What the store can do: {', '.join(profile_names())}. `auto` goes by the host's name; a store that"
        " it doesn't know is `generic`, which relies on little: no conditional writes.",
    )
    buffermemory: int = Field(
        default=256 * MIB,
        ge=5 * MIB,
        description="Bytes of memory that parts on their way to the store may take, of all uploads together. Writers"
        " wait when it is used up.",
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, parameters: Any) -> Any:
        """A bucket without a name is told as such."""
        return without_empty(parameters, cls.model_fields.keys() - {"bucket"})

    _text = field_validator(
        "accesskey", "secretkey", "sessiontoken", "bucket", "keyid", "rootdirectory", mode="before"
    )(as_text)

    @field_validator("loglevel", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        """YAML reads `off` as false."""
        return "off" if value is False else value.lower() if isinstance(value, str) else value

    @field_validator("storageclass")
    @classmethod
    def _known_class(cls, value: str) -> str:
        return _one_of(value.upper(), _STORAGE_CLASSES)

    @field_validator("objectacl")
    @classmethod
    def _known_acl(cls, value: str) -> str:
        return _one_of(value, _OBJECT_ACLS)

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, value: str) -> str:
        return _one_of(value.lower(), profile_names())

    @field_validator("regionendpoint")
    @classmethod
    def _host_of_endpoint(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value if "://" in value else f"//{value}")
        if parts.scheme not in {"", "http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be a host, or an http:// or https:// address of one")
        return value.rstrip("/")

    @field_validator("redirectendpoint")
    @classmethod
    def _origin_only(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("must begin with http:// or https://, and have a host")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("must be scheme and host only, without path and query")
        return None if value is None else value.rstrip("/")

    @model_validator(mode="after")
    def _whole_keys(self) -> Self:
        if (self.accesskey is None) != (self.secretkey is None):
            given, missing = ("accesskey", "secretkey") if self.accesskey else ("secretkey", "accesskey")
            raise ValueError(
                f"{given} is given without {missing}: give both, or neither to have credentials looked for"
            )
        if self.sessiontoken is not None and self.accesskey is None:
            raise ValueError("sessiontoken is given without accesskey and secretkey, which it belongs to")
        return self

    @model_validator(mode="after")
    def _whole_address(self) -> Self:
        if self.regionendpoint is None:
            if self.region is None:
                raise ValueError("region is required, unless regionendpoint names a store that isn't Amazon's")
            if not _AMAZON_REGION.fullmatch(self.region):
                raise ValueError(f"region {self.region!r} is none of Amazon's; they look like 'eu-central-1'")
            if not self.v4auth:
                raise ValueError("v4auth must be true on Amazon S3, which takes no other signatures")
            return self
        for name in ("accelerate", "usedualstack", "usefipsendpoint"):
            if getattr(self, name):
                raise ValueError(f"{name} is about Amazon's own endpoints, and regionendpoint names another one")
        return self

    @property
    def endpoint(self) -> str | None:
        """The address of the store; `None` for Amazon S3, whose address the region makes."""
        if self.regionendpoint is None or "://" in self.regionendpoint:
            return self.regionendpoint
        return f"{'https' if self.secure else 'http'}://{self.regionendpoint}"

    @property
    def signing_region(self) -> str:
        """The region that requests are signed for."""
        return self.region or DEFAULT_REGION

    def find_profile(self) -> Profile:
        """What the store can do: what `profile` names, or what the host's name tells."""
        return find_profile(self.profile, self.endpoint)


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"must be one of {', '.join(allowed)}")
    return value
