"""What a cluster tells of itself at `/info`, and what is taken for granted where that is closed.

https://docs.openstack.org/api-ref/object-store/#list-activated-capabilities
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

if TYPE_CHECKING:
    from holdfast.storage.drivers.swift.options import SwiftOptions

__all__ = ["Features", "info_url"]

_DIGESTS: Final = ("sha512", "sha256", "sha1")
"""What URLs are signed with, the strongest first."""

_CONTAINER_KEYS_SINCE: Final = (2, 3)
_LISTING: Final = 1000
_LONGEST_LISTING: Final = 10_000
_SEGMENTS: Final = 1000


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster can do.

    Attributes:
        slo: It has static large objects.
        max_segments: The most segments that one manifest of those names.
        bulk_delete: The most objects that one request deletes; 0 where none deletes many.
        listing: The most names that one request lists.
        is_open: Whether the cluster told all this; otherwise a listing may have fewer names than were asked for.
        sign_methods: The methods that URLs can be signed for.
        digest: What they are signed with.
        container_key: Whether the key is the container's; otherwise it is the account's.
    """

    slo: bool = False
    max_segments: int = _SEGMENTS
    bulk_delete: int = 0
    listing: int = _LISTING
    is_open: bool = False
    sign_methods: tuple[str, ...] = ()
    digest: str = "sha1"
    container_key: bool = False

    @classmethod
    def closed(cls, options: SwiftOptions) -> Features:
        """What any cluster does, and what the options say of it."""
        return cls(sign_methods=tuple(options.tempurlmethods), container_key=options.tempurlcontainerkey)

    @classmethod
    def read(cls, info: dict[str, Any]) -> Features:
        """What the answer to `/info` says; what isn't in it, or isn't as it should be, isn't there."""
        swift, slo = _section(info, "swift"), _section(info, "slo")
        tempurl, bulk = _section(info, "tempurl"), _section(info, "bulk_delete")
        allowed = tempurl.get("allowed_digests") or ["sha1"]
        methods = tuple(str(method).upper() for method in tempurl.get("methods") or ())
        digest = next((name for name in _DIGESTS if name in allowed), None)
        return cls(
            slo="slo" in info,
            max_segments=max(1, _number(slo, "max_manifest_segments", _SEGMENTS)),
            bulk_delete=max(0, _number(bulk, "max_deletes_per_request", 0)),
            listing=max(1, min(_number(swift, "container_listing_limit", _LISTING), _LONGEST_LISTING)),
            is_open=True,
            sign_methods=methods if digest else (),
            digest=digest or "sha1",
            container_key=_version(swift) >= _CONTAINER_KEYS_SINCE,
        )


def info_url(storage_url: str) -> str:
    """Where a cluster tells what it can do: beside the version that the account's URL begins with."""
    parts = urlsplit(storage_url)
    return urlunsplit(parts._replace(path=posixpath.normpath(f"{parts.path}/../../info").replace("//", "/")))


def _section(info: dict[str, Any], name: str) -> dict[str, Any]:
    section = info.get(name)
    return section if isinstance(section, dict) else {}


def _number(section: dict[str, Any], name: str, otherwise: int) -> int:
    value = section.get(name)
    return value if isinstance(value, int) else otherwise


def _version(swift: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(swift.get("version", "")))[:2])
