"""Manifests that the tests push, small and of every kind."""

import json
from typing import Any

from tests.registry.client import OCI_INDEX, OCI_MANIFEST, Client, descriptor, digest_of

__all__ = ["EMPTY", "EMPTY_TYPE", "artifact", "index", "pushed", "put"]

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def artifact(**fields: Any) -> bytes:
    """An image manifest that has the empty configuration and no layers, with these fields over its own."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(EMPTY, EMPTY_TYPE),
        "layers": [],
    }
    return json.dumps(document | fields).encode()


def index(**fields: Any) -> bytes:
    """An index of nothing, with these fields over its own."""
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []} | fields).encode()


async def put(client: Client, name: str, reference: str, manifest: bytes, *tags: str, media_type: str = "") -> Any:
    """Push a manifest whose blobs are there, under a reference and with tags as parameters; return the answer."""
    content_type = media_type or json.loads(manifest).get("mediaType", OCI_MANIFEST)
    query = "&".join(f"tag={tag}" for tag in tags)
    return await client.request(
        "PUT",
        f"/v2/{name}/manifests/{reference}" + (f"?{query}" if query else ""),
        headers={"content-type": content_type},
        body=manifest,
    )


async def pushed(client: Client, name: str, manifest: bytes, *, algorithm: str = "sha256") -> str:
    """Push a manifest by digest, with the empty configuration; return the digest."""
    await client.push_blob(EMPTY, name)
    digest = digest_of(manifest, algorithm)
    response = await put(client, name, digest, manifest)
    assert 201 == response.status_code, response.text
    return digest
