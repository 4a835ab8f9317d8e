"""Manifests and indexes in memory, small enough to make by the dozen.

The formats are the OCI image-spec's, manifest.md and image-index.md, and Docker's "Image Manifest Version 2, Schema
2".
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Document", "image", "index", "sha256", "sha512"]


def sha256(data: bytes) -> str:
    """Returns the digest of bytes, in the notation of the specification."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def sha512(data: bytes) -> str:
    """Returns the other digest of bytes that the specification names."""
    return f"sha512:{hashlib.sha512(data).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """The media types that belong together."""

    image: str
    index: str
    config: str
    layer: str


_OCI = _Family(
    image="application/vnd.oci.image.manifest.v1+json",
    index="application/vnd.oci.image.index.v1+json",
    config="application/vnd.oci.image.config.v1+json",
    layer="application/vnd.oci.image.layer.v1.tar",
)
_DOCKER = _Family(
    image="application/vnd.docker.distribution.manifest.v2+json",
    index="application/vnd.docker.distribution.manifest.list.v2+json",
    config="application/vnd.docker.container.image.v1+json",
    layer="application/vnd.docker.image.rootfs.diff.tar",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A manifest or an index as it goes over the wire.

    Attributes:
        media_type: What it is pushed as.
        content: Its bytes.
        blobs: The bytes of the configuration and layers it refers to.
        children: The manifests it refers to.
    """

    media_type: str
    content: bytes
    blobs: tuple[bytes, ...] = ()
    children: "tuple[Document, ...]" = ()

    @property
    def digest(self) -> str:
        """The digest of its bytes."""
        return sha256(self.content)

    @property
    def descriptor(self) -> dict[str, object]:
        """How others refer to it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


def image(
    config: bytes, layers: Sequence[bytes], *, docker: bool = False, artifact: str = "", subject: Document | None = None
) -> Document:
    """Makes an image manifest.

    Args:
        config: The configuration's bytes.
        layers: The layers' bytes.
        docker: Docker schema 2 instead of OCI.
        artifact: The artifact type, none if empty.
        subject: What it is attached to.
    """
    family = _DOCKER if docker else _OCI
    manifest: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": family.image,
        "config": {"mediaType": family.config, "digest": sha256(config), "size": len(config)},
        "layers": [{"mediaType": family.layer, "digest": sha256(data), "size": len(data)} for data in layers],
    }
    if artifact:
        manifest["artifactType"] = artifact
    if subject is not None:
        manifest["subject"] = subject.descriptor
    return Document(media_type=family.image, content=json.dumps(manifest).encode(), blobs=(config, *layers))


def index(children: Sequence[Document], *, docker: bool = False, note: str = "") -> Document:
    """Makes an index, or Docker's manifest list; each child is for an architecture of its own.

    Args:
        children: What it names, in this order.
        docker: Docker's manifest list instead of an OCI index.
        note: An annotation that tells it from an index of the same children; Docker's has none.
    """
    family = _DOCKER if docker else _OCI
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": family.index,
        "manifests": [
            {**child.descriptor, "platform": {"os": "linux", "architecture": architecture}}
            for child, architecture in zip(children, ("amd64", "arm64", "riscv64", "s390x"), strict=False)
        ],
    }
    if note:
        document["annotations"] = {"note": note}
    return Document(media_type=family.index, content=json.dumps(document).encode(), children=tuple(children))
