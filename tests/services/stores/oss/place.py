"""What a bucket of the fake holds: objects, and uploads of parts."""

import hashlib
import itertools
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

import crcmod

from .refusal import RefusalError

__all__ = ["MAX_PART", "MAX_PARTS", "MIN_PART", "Bucket", "Stored", "Upload", "check_key", "crc64", "etag_of"]

MIN_PART = 100 * 1024
MAX_PART = 5 * 1024**3
MAX_PARTS = 10_000
_MAX_KEY_BYTES = 1023

_numbers = itertools.count(1)

_TOLD = 1024 * 1024
"""Of larger content no CRC-64 is told: it takes this fake too long."""

crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF)
"""CRC-64 as ECMA-182 has it, which OSS tells of what it has stored."""


def etag_of(content: bytes) -> str:
    """The ETag of content that was put, without quotes."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest().upper()


def check_key(key: str) -> None:
    """Raises `RefusalError` for a key that OSS doesn't take."""
    if not 1 <= len(key.encode()) <= _MAX_KEY_BYTES or key[0] in "/\\":
        raise RefusalError(400, "InvalidObjectName", "The specified object is not valid.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object, or a part of an upload."""

    content: bytes
    etag: str
    modified: datetime
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, content: bytes, *, etag: str | None = None, headers: dict[str, str] | None = None) -> "Stored":
        """Content that arrives now."""
        made = etag_of(content) if etag is None else etag
        return cls(content=content, etag=made, modified=datetime.now(UTC), headers=headers or {})

    @property
    def told(self) -> dict[str, str]:
        """What an answer says of it by way of checksums."""
        crc = {"x-oss-hash-crc64ecma": str(crc64(self.content))} if len(self.content) <= _TOLD else {}
        return {"ETag": f'"{self.etag}"', **crc}


@dataclass(slots=True, kw_only=True)
class Upload:
    """An upload of parts that was neither completed nor aborted."""

    key: str
    headers: dict[str, str]
    upload_id: str = field(default_factory=lambda: f"{next(_numbers):08X}{secrets.token_hex(12).upper()}")
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    parts: dict[int, Stored] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Bucket:
    """A bucket.

    Attributes:
        objects: By key.
        uploads: By id.
        versioning: `Enabled`, `Suspended` or nothing; no version is kept, all the same.
    """

    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    versioning: str = ""

    def find(self, key: str) -> Stored:
        """The object at a key."""
        if key not in self.objects:
            raise RefusalError(404, "NoSuchKey", "The specified key does not exist.", Key=key)
        return self.objects[key]

    def upload(self, key: str, upload_id: str) -> Upload:
        """The upload of an id, for this key."""
        upload = self.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise RefusalError(404, "NoSuchUpload", "The specified upload does not exist.", UploadId=upload_id)
        return upload
