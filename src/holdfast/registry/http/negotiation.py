"""Which manifest a client gets, by the `Accept` it sends.

A client that accepts anything, or doesn't say, gets what is stored. One that names types, and not the stored one,
gets what Distribution gives it: for a Docker manifest list by tag, the image of the default platform, and by digest
the list, since nothing else has that digest; for an OCI manifest or index, "unknown". A Docker manifest is served to
everybody.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from holdfast.registry.model.manifest import DOCKER_LIST, DOCKER_MANIFEST

if TYPE_CHECKING:
    from holdfast.registry.model.digest import Digest
    from holdfast.registry.model.manifest import Manifest

__all__ = ["accepted_types", "accepts", "default_platform_digest"]

_REMEMBERED_CHARACTERS = 2048
"""Clients send few different headers, none of them longer; a longer one is read anew each time."""

_DEFAULT_PLATFORM = ("amd64", "linux")


def accepted_types(header: str) -> frozenset[str]:
    """The media types of an `Accept` header, its parameters dropped; those with `q=0` are not accepted."""
    return _remembered_types(header) if len(header) <= _REMEMBERED_CHARACTERS else _read_types(header)


def _read_types(header: str) -> frozenset[str]:
    types = set()
    for entry in header.split(","):
        media_type, _, parameters = entry.partition(";")
        if not _is_refused(parameters):
            types.add(media_type.strip().lower())
    return frozenset(types - {""})


_remembered_types = lru_cache(maxsize=256)(_read_types)


def accepts(header: str, media_type: str, *, by_digest: bool = False) -> bool:
    """Whether a client with this `Accept` header, empty if it sent none, takes a manifest type."""
    types = accepted_types(header)
    return (
        not types
        or media_type in types
        or media_type == DOCKER_MANIFEST
        or (by_digest and media_type == DOCKER_LIST)
        or not types.isdisjoint({"*/*", "application/*"})
    )


def default_platform_digest(manifest: Manifest) -> Digest | None:
    """The image that stands in for a Docker manifest list where the client can't read that."""
    if manifest.media_type != DOCKER_LIST:
        return None
    for descriptor in manifest.manifests:
        platform = descriptor.platform
        if platform and (platform.architecture, platform.os) == _DEFAULT_PLATFORM:
            return descriptor.content_digest
    return None


def _is_refused(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            return value.strip() in {"0", "0.0", "0.00", "0.000"}
    return False
