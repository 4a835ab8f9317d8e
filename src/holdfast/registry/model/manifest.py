"""Manifests: what a registry must know of them, and nothing more.

A manifest is kept byte for byte as it was pushed. Read here are its media type and what it refers to. What else is
asked of a manifest that is being pushed is in `holdfast.registry.model.validation`.

Only manifests of the four types below are kept, as with Distribution, though the OCI distribution-spec allows any: of
another type nobody could tell what it refers to, and garbage collection would take that away.

Sources: OCI image-spec manifest.md and image-index.md; Docker's image manifest version 2, schema 2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from holdfast.registry.model.digest import ALGORITHMS, DigestError, parse_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holdfast.registry.model.digest import Digest

__all__ = [
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "INDEX_TYPES",
    "MANIFEST_TYPES",
    "MAX_MANIFEST_BYTES",
    "NON_DISTRIBUTABLE_TYPES",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "Descriptor",
    "Manifest",
    "ManifestError",
    "Platform",
    "parse_manifest",
]

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

INDEX_TYPES = frozenset({DOCKER_LIST, OCI_INDEX})
"""Manifests that list manifests."""

MANIFEST_TYPES = frozenset({DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX})
"""What a registry keeps."""

_SELF_DECLARED = frozenset({DOCKER_MANIFEST, DOCKER_LIST})
"""Types that are told by nothing but themselves; OCI's may leave `mediaType` out."""

_DOCKER_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""The least that a registry should accept (distribution-spec), and Distribution's limit."""

NON_DISTRIBUTABLE_TYPES = frozenset(
    {
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    }
)
"""Layers that clients get from elsewhere: by the URLs of their descriptors."""


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
    urls: tuple[str, ...] | None = None

    @property
    def must_exist(self) -> bool:
        """Whether the registry must hold the content: not that of a non-distributable layer with URLs.

        URLs alone don't excuse a layer: clients that don't follow them would find the image incomplete. Nor does
        the type alone: nobody could tell where to get the layer. Nor does content embedded in the descriptor (`data`):
        clients may fetch it all the same.
        """
        return self.media_type not in NON_DISTRIBUTABLE_TYPES or not self.urls

    @property
    def content_digest(self) -> Digest | None:
        """The digest; `None` if it is of an algorithm that isn't computed here: then the content can't be here either.

        OCI image-spec, descriptor.md: digests of unknown algorithms should pass, as far as their form is right.
        """
        return parse_digest(self.digest) if self.digest.partition(":")[0] in ALGORITHMS else None


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    schema_version: int
    media_type: str | None = None
    artifact_type: str | None = None
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
        artifact_type: What an artifact says it is; `None` where nothing or an empty text is said.
    """

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str | None = None

    @property
    def descriptors(self) -> list[Descriptor]:
        """Everything it is made of: its configuration, layers and manifests, as often as it names them.

        The subject isn't among them: a manifest doesn't keep its subject.
        """
        return [*([self.config] if self.config else []), *self.layers, *self.manifests]

    @property
    def blobs(self) -> list[Digest]:
        """The blobs that must be in the repository, each once: without layers that clients get from elsewhere."""
        referred = [*([self.config] if self.config else []), *self.layers]
        return _unique(item.content_digest for item in referred if item.must_exist)

    @property
    def children(self) -> list[Digest]:
        """What an index lists, each once: manifests, and with some build caches blobs too."""
        return _unique(item.content_digest for item in self.manifests)

    @property
    def subject_digest(self) -> Digest | None:
        """The digest of the subject, if there is one, of an algorithm that is computed here."""
        return None if self.subject is None else self.subject.content_digest

    @property
    def kind(self) -> str | None:
        """What a list of referrers says it is (`artifactType`): an image without one is of its configuration's type.

        distribution-spec, "Listing Referrers".
        """
        return self.artifact_type or (self.config.media_type if self.config else None)


_decode = msgspec.json.Decoder(_Document).decode

_SHOWN = 160
"""Characters of a client's text that a reason quotes."""

_is_digest = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]{1,1024}\Z").match
"""The form of any digest; the limit is ours, as it goes into header fields and errors."""

_MAX_SIZE = 2**63 - 1
"""OCI image-spec, descriptor.md: a size is an int64."""


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
    if document.schema_version == 1 or (declared_type or "").startswith(_DOCKER_SCHEMA_1):
        raise ManifestError("Docker's schema 1 is not supported; push the image again with a newer client")
    if document.schema_version != 2:
        raise ManifestError(f"schemaVersion is {document.schema_version}, only 2 is supported")
    media_type = _media_type(document, declared_type)
    manifest = _of_type(document, media_type)
    _check_descriptors(manifest)
    return manifest


def _media_type(document: _Document, declared: str | None) -> str:
    if declared and document.media_type and declared != document.media_type:
        raise ManifestError(f"mediaType is {document.media_type[:_SHOWN]!r}, Content-Type {declared[:_SHOWN]!r}")
    if declared in _SELF_DECLARED and document.media_type is None:
        # What is stored is the content alone: served again, it would be taken for OCI's.
        raise ManifestError(f"mediaType is missing, which {declared} must have")
    media_type = document.media_type or declared or (OCI_MANIFEST if document.manifests is None else OCI_INDEX)
    if media_type not in MANIFEST_TYPES:
        known = ", ".join(sorted(MANIFEST_TYPES))
        raise ManifestError(f"{media_type[:_SHOWN]!r} is no manifest type; known are {known}")
    return media_type


def _of_type(document: _Document, media_type: str) -> Manifest:
    """An image must not be readable as an index, nor the other way round (CVE-2021-41190)."""
    if media_type in INDEX_TYPES:
        if document.manifests is None or document.layers is not None or document.config is not None:
            raise ManifestError("an index has 'manifests', and neither 'config' nor 'layers'")
        entries = tuple(document.manifests)
        return Manifest(media_type, None, (), entries, document.subject, document.artifact_type or None)
    if document.config is None or document.manifests is not None:
        raise ManifestError("an image manifest has 'config' and 'layers', and no 'manifests'")
    layers = tuple(document.layers or ())
    return Manifest(media_type, document.config, layers, (), document.subject, document.artifact_type or None)


def _check_descriptors(manifest: Manifest) -> None:
    for descriptor in [*manifest.descriptors, *([manifest.subject] if manifest.subject else [])]:
        if not 0 <= descriptor.size <= _MAX_SIZE:
            raise ManifestError(f"the size of {descriptor.digest[:_SHOWN]} is no number of bytes")
        if not _is_digest(descriptor.digest):
            raise ManifestError(f"{descriptor.digest[:_SHOWN]!r} is no digest")
        try:
            _ = descriptor.content_digest
        except DigestError as error:
            raise ManifestError(f"digest {descriptor.digest[:_SHOWN]!r}: {error}") from error


def _unique(digests: Iterable[Digest | None]) -> list[Digest]:
    return [digest for digest in dict.fromkeys(digests) if digest is not None]
