"""What each vendor's S3 can do: read from `profiles.toml`, chosen by name or by the host."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["Profile", "find_profile", "profile_names"]

_AUTO = "auto"
_UNKNOWN = "generic"
_AMAZON = "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a store can do. The defaults are what every store is known to do.

    Attributes:
        name: The profile's name.
        hosts: Patterns of host names by which `auto` knows the store.
        create_only: PutObject honours `If-None-Match: *`.
        match_version: PutObject honours `If-Match`.
        unquoted_match: The etag in `If-Match` of PutObject has no quotes.
        lost_race: The code, besides S3's own, by which PutObject under a condition says that another was faster.
        equal_parts: All parts of an upload but the last must have the same size.
        batch_delete: There is DeleteObjects.
        batch_digest: What DeleteObjects is checked by: `md5` is `Content-MD5`, `crc32` what newer SDKs send.
        copy_parts: There is UploadPartCopy.
        copy_by_reference: CopyObject moves no content, so that copying in parts only takes longer.
        copy_match: UploadPartCopy honours `x-amz-copy-source-if-match`.
        list_version: 2 for ListObjectsV2, 1 for ListObjects.
        list_uploads: There is ListMultipartUploads.
        acl: Canned ACLs may be sent.
        storage_class: Storage classes may be sent.
        request_checksums: When the SDK adds checksums to what it sends.
        identity: There is STS, to ask who we are.
        min_part: The least bytes of a part that isn't the last.
        max_part: The most bytes of a part.
        max_parts: The most parts of an upload.
        max_put: The most bytes of one PutObject or CopyObject.
        max_object: The most bytes of an object.
    """

    name: str
    hosts: tuple[str, ...] = ()
    create_only: bool = False
    match_version: bool = False
    unquoted_match: bool = False
    lost_race: str | None = None
    equal_parts: bool = False
    batch_delete: bool = True
    batch_digest: Literal["md5", "crc32"] = "md5"
    copy_parts: bool = True
    copy_by_reference: bool = False
    copy_match: bool = False
    list_version: Literal[1, 2] = 2
    list_uploads: bool = True
    acl: bool = True
    storage_class: bool = True
    request_checksums: Literal["when_required", "when_supported"] = "when_required"
    identity: bool = False
    min_part: int = field(default=5 * 1024**2)
    max_part: int = field(default=5 * 1024**3)
    max_parts: int = 10_000
    max_put: int = field(default=5 * 1024**3)
    max_object: int = field(default=5 * 1024**4)


@cache
def _profiles() -> dict[str, Profile]:
    text = files(__package__).joinpath("profiles.toml").read_text(encoding="utf-8")
    return {
        name: Profile(name=name, **values | {"hosts": tuple(values.get("hosts", ()))})
        for name, values in tomllib.loads(text).items()
    }


@cache
def profile_names() -> tuple[str, ...]:
    """The names that `profile` may have."""
    return (_AUTO, *_profiles())


def find_profile(name: str, endpoint: str | None) -> Profile:
    """Find a profile by its name, or `auto` by the endpoint, which is `None` for Amazon S3 itself."""
    profiles = _profiles()
    if name != _AUTO:
        return profiles[name]
    if endpoint is None:
        return profiles[_AMAZON]
    host = urlsplit(endpoint).hostname or ""
    known = (profile for profile in profiles.values() if any(fnmatch(host, pattern) for pattern in profile.hosts))
    return next(known, profiles[_UNKNOWN])
