"""What is served and pushed: noise, which no file system or client can make smaller."""

import hashlib
import json
import os
from dataclasses import dataclass

import httpx

from tests.services.server import Server

__all__ = ["BLOB_SIZES", "MANIFEST_TYPE", "REPOSITORY", "TAG", "Content", "make_content", "seed"]

REPOSITORY = "bench/image"
TAG = "latest"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
BLOB_SIZES = {"4 KiB": 4 << 10, "1 MiB": 1 << 20, "64 MiB": 64 << 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """An image to be served.

    Attributes:
        blobs: The bytes by the name of their size; the configuration is among them.
        manifest: The manifest over them.
    """

    blobs: dict[str, bytes]
    manifest: bytes

    def digest(self, name: str) -> str:
        """Returns the digest of a blob by its name, or of `manifest`."""
        return _digest(self.manifest if name == "manifest" else self.blobs[name])


def make_content() -> Content:
    """Makes blobs of noise and a manifest of about 1 KB over them."""
    blobs = {name: os.urandom(size) for name, size in BLOB_SIZES.items()}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    layer = "application/vnd.oci.image.layer.v1.tar"
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
        # Twice, for the size that a manifest usually has.
        "layers": [_descriptor(layer, blob) for blob in (*blobs.values(), *blobs.values())],
    }
    return Content(blobs={**blobs, "config": config}, manifest=json.dumps(manifest, indent=1).encode())


def seed(server: Server, content: Content) -> None:
    """Pushes the content to a registry; `httpx.HTTPError` when it refuses."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for blob in content.blobs.values():
            location = client.post(f"/v2/{REPOSITORY}/blobs/uploads/").raise_for_status().headers["location"]
            url = httpx.URL(location).copy_add_param("digest", _digest(blob))
            client.put(url, content=blob, headers={"content-type": "application/octet-stream"}).raise_for_status()
        target = f"/v2/{REPOSITORY}/manifests/{TAG}"
        client.put(target, content=content.manifest, headers={"content-type": MANIFEST_TYPE}).raise_for_status()


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
