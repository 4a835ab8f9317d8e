"""Manifests: what a registry must know of them, and nothing more.

A manifest is kept byte for byte as it was pushed. Read here are its media type and what it refers to.

Sources: OCI image-spec manifest.md and image-index.md; Docker's image manifest version 2, schema 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from holdfast.registry.model.digest import DigestError, parse_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holdfast.registry.model.digest import Digest

__all__ = [
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "INDEX_TYPES",
    "MAX_MANIFEST_BYTES",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "Descriptor",
    "Manifest",
    "ManifestError",
    "parse_manifest",
]

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

INDEX_TYPES = frozenset({DOCKER_LIST, OCI_INDEX})
"""Manifests that list manifests."""

_TYPES = frozenset({DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX})

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""The least that a registry should accept (distribution-spec), and Distribution's limit."""

_NON_DISTRIBUTABLE = frozenset(
    {
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    }
)


class ManifestError(ValueError):
    """The bytes are no manifest of the media type they claim."""


class Platform(msgspec.Struct, frozen=True):
    """The platform of an index's entry; only what negotiation needs."""

    architecture: str = ""
    os: str = ""


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A reference to content, as JSON has it. Unknown fields are the client's business."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None

    @property
    def must_exist(self) -> bool:
        """Whether the registry must hold the content: not for non-distributable layers.

        URLs alone don't excuse a layer: clients that don't follow them would find the image incomplete.
        """
        return self.media_type not in _NON_DISTRIBUTABLE


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    schema_version: int
    media_type: str | None = None
    config: Descriptor | None = None
    layers: list[Descriptor] | None = None
    manifests: list[Descriptor] | None = None
    subject: Descriptor | None = None


class Manifest(msgspec.Struct, frozen=True):
    """A manifest that was read.

    Attributes:
        media_type: Its media type.
        config: An image's configuration; `None` for an index.
        layers: An image's layers; empty for an index.
        manifests: An index's entries; empty for an image.
        subject: What it refers to, if anything.
    """

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None

    @property
    def blobs(self) -> list[Digest]:
        """The blobs that must be in the repository, each once."""
        referred = [*([self.config] if self.config else []), *self.layers]
        return _unique(parse_digest(item.digest) for item in referred if item.must_exist)

    @property
    def children(self) -> list[Digest]:
        """The manifests of an index, each once."""
        return _unique(parse_digest(item.digest) for item in self.manifests)


_decode = msgspec.json.Decoder(_Document).decode


def parse_manifest(content: bytes, declared_type: str | None = None) -> Manifest:
    """Read a manifest.

    Args:
        content: Its bytes.
        declared_type: The `Content-Type` it came with, parameters removed; `None` when it comes from storage.

    Raises:
        ManifestError: It isn't JSON of the right form, its type is not one that a registry keeps, the declared type
            and its own disagree, or a digest or size in it is malformed.
    """
    try:
        document = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(str(error)) from error
    if document.schema_version != 2:
        raise ManifestError(f"schemaVersion is {document.schema_version}, only 2 is supported")
    media_type = _media_type(document, declared_type)
    manifest = _of_type(document, media_type)
    _check_descriptors(manifest)
    return manifest


def _media_type(document: _Document, declared: str | None) -> str:
    if declared and document.media_type and declared != document.media_type:
        raise ManifestError(f"mediaType is {document.media_type!r}, Content-Type {declared!r}")
    media_type = document.media_type or declared or (OCI_MANIFEST if document.manifests is None else OCI_INDEX)
    if media_type not in _TYPES:
        raise ManifestError(f"{media_type!r} is no manifest type; known are {', '.join(sorted(_TYPES))}")
    return media_type


def _of_type(document: _Document, media_type: str) -> Manifest:
    """An image must not be readable as an index, nor the other way round (CVE-2021-41190)."""
    if media_type in INDEX_TYPES:
        if document.manifests is None or document.layers is not None or document.config is not None:
            raise ManifestError("an index has 'manifests', and neither 'config' nor 'layers'")
        return Manifest(media_type, None, (), tuple(document.manifests), document.subject)
    if document.config is None or document.manifests is not None:
        raise ManifestError("an image manifest has 'config' and 'layers', and no 'manifests'")
    return Manifest(media_type, document.config, tuple(document.layers or ()), (), document.subject)


def _check_descriptors(manifest: Manifest) -> None:
    named = [manifest.config, manifest.subject, *manifest.layers, *manifest.manifests]
    for descriptor in named:
        if descriptor is None:
            continue
        if descriptor.size < 0:
            raise ManifestError(f"the size of {descriptor.digest} is negative")
        try:
            parse_digest(descriptor.digest)
        except DigestError as error:
            raise ManifestError(f"digest {descriptor.digest[:160]!r}: {error}") from error


def _unique(digests: Iterable[Digest]) -> list[Digest]:
    return list(dict.fromkeys(digests))
