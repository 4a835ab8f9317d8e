"""Artifacts that refer to a manifest, and ways to get them into a registry."""

import json
from typing import Any

from holdfast.registry.model.digest import Digest, parse_digest
from holdfast.registry.store import paths
from tests.registry.client import NAME, OCI_INDEX, OCI_MANIFEST, Client, Image, descriptor, digest_of, make_image
from tests.registry.storages import Storage

__all__ = [
    "EMPTY",
    "SBOM",
    "SIGNATURE",
    "SUBJECT",
    "SUBJECT_DIGEST",
    "digests",
    "entry_of",
    "link_of",
    "make_artifact",
    "make_artifact_index",
    "make_artifacts",
    "referrers",
    "referrers_tag",
    "write_foreign",
]

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
SBOM = "application/vnd.example.sbom.v1"
SIGNATURE = "application/vnd.example.signature.v1"

SUBJECT = make_image("subject")
SUBJECT_DIGEST = parse_digest(SUBJECT.digest)


def make_artifact(
    subject: Image | None, seed: str = "", *, kind: str | None = SBOM, config_type: str = EMPTY_TYPE, **more: Any
) -> Image:
    """An image manifest that refers to a subject; the seed makes it differ from others."""
    manifest: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST}
    if kind is not None:
        manifest["artifactType"] = kind
    manifest |= {
        "config": descriptor(EMPTY, config_type),
        "layers": [descriptor(EMPTY, EMPTY_TYPE)],
        "annotations": {"org.example.seed": seed},
    }
    if subject is not None:
        manifest["subject"] = descriptor(subject.manifest, subject.media_type) | {"digest": subject.digest}
    return Image(json.dumps(manifest | more).encode(), OCI_MANIFEST, [EMPTY])


def make_artifact_index(subject: Image, *, kind: str | None = None, **more: Any) -> Image:
    """An empty index that refers to a subject."""
    index: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    if kind is not None:
        index["artifactType"] = kind
    index["subject"] = descriptor(subject.manifest, subject.media_type)
    return Image(json.dumps(index | more).encode(), OCI_INDEX, [])


async def write_foreign(storage: Storage, image: Image, name: str = NAME, *, tag: str | None = None) -> None:
    """Put a manifest and its blobs where Distribution puts them, which knows no index."""
    for blob in [*image.blobs, image.manifest]:
        await storage.put(paths.blob_data(Digest.of(blob)), blob)
    for blob in image.blobs:
        await storage.put(paths.layer_link(name, Digest.of(blob)), digest_of(blob).encode())
    digest = Digest.of(image.manifest)
    await storage.put(paths.revision_link(name, digest), str(digest).encode())
    if tag is not None:
        await storage.put(paths.tag_current_link(name, tag), str(digest).encode())
        await storage.put(paths.tag_index_link(name, tag, digest), str(digest).encode())


def referrers_tag(subject: Image, *listed: Image) -> tuple[str, Image]:
    """The tag, and the index under it, that clients keep where there is no referrers API."""
    manifests = [descriptor(image.manifest, image.media_type) for image in listed]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return subject.digest.replace(":", "-"), Image(json.dumps(index).encode(), OCI_INDEX, [])


async def referrers(client: Client, subject: str, name: str = NAME, query: str = "") -> list[dict[str, Any]]:
    """The descriptors of all that refers to a digest, from every page."""
    path: str | None = f"/v2/{name}/referrers/{subject}{query}"
    found: list[dict[str, Any]] = []
    while path:
        response = await client.request("GET", path)
        assert 200 == response.status_code, response.text
        assert OCI_INDEX == response.headers["content-type"]
        index = response.json()
        assert (2, OCI_INDEX) == (index["schemaVersion"], index["mediaType"])
        found += index["manifests"]
        path = response.links["next"]["url"] if "next" in response.links else None
    return found


async def digests(client: Client, subject: Image, name: str = NAME, query: str = "") -> set[str]:
    """The digests of all that refers to an image; none twice."""
    found = [each["digest"] for each in await referrers(client, subject.digest, name, query)]
    assert len(set(found)) == len(found)
    return set(found)


def make_artifacts(number: int) -> list[Image]:
    """So many referrers of the subject."""
    return [make_artifact(SUBJECT, str(each)) for each in range(number)]


def entry_of(image: Image) -> str:
    """Where the entry of a referrer of the subject is."""
    return paths.referrer(NAME, SUBJECT_DIGEST, parse_digest(image.digest))


def link_of(image: Image) -> str:
    """Where the repository says that it has a manifest."""
    return paths.revision_link(NAME, parse_digest(image.digest))
