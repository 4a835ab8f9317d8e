"""A client of the registry under test, over ASGI: as little as tests of HTTP need, nothing that hides an answer."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
from starlette.types import ASGIApp

from holdfast.registry.model.digest import Digest
from holdfast.registry.model.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

__all__ = [
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "NAME",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "Client",
    "Image",
    "descriptor",
    "digest_of",
    "error_code",
    "make_image",
    "make_index",
    "stream",
    "tags_of",
]

NAME = "library/app"


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """A digest, as text."""
    return str(Digest.of(content, algorithm))


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body that comes in these pieces."""
    for chunk in chunks:
        yield chunk


def error_code(response: httpx.Response) -> str:
    """The code of an error's body, whose form is the spec's."""
    assert "application/json" == response.headers["content-type"]
    errors = response.json()["errors"]
    assert errors
    for error in errors:
        assert {"code", "message"} <= set(error) <= {"code", "message", "detail"}
        assert error["code"] == errors[0]["code"]
    code: str = errors[0]["code"]
    return code


def descriptor(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """What a manifest says of some content."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


class Image:
    """An image: its manifest, and the blobs it names."""

    def __init__(self, manifest: bytes, media_type: str, blobs: Sequence[bytes]) -> None:
        self.manifest = manifest
        self.media_type = media_type
        self.blobs = blobs
        self.digest = digest_of(manifest)


def make_image(seed: str = "", *, media_type: str = OCI_MANIFEST, layers: Sequence[bytes] | None = None) -> Image:
    """An image of a configuration and two layers; the seed makes it differ from others."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "seed": seed}).encode()
    layers = [b"layer one of " + seed.encode(), b"layer two of " + seed.encode()] if layers is None else layers
    docker = media_type == DOCKER_MANIFEST
    config_type = (
        "application/vnd.docker.container.image.v1+json" if docker else "application/vnd.oci.image.config.v1+json"
    )
    layer_type = (
        "application/vnd.docker.image.rootfs.diff.tar.gzip" if docker else "application/vnd.oci.image.layer.v1.tar+gzip"
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config, config_type),
        "layers": [descriptor(layer, layer_type) for layer in layers],
    }
    return Image(json.dumps(manifest).encode(), media_type, [config, *layers])


def make_index(images: Sequence[Image], *, media_type: str = OCI_INDEX) -> Image:
    """An index of images, the first of which is the default platform's."""
    platforms = [("amd64", "linux"), ("arm64", "linux"), ("s390x", "linux")]
    manifests = [
        descriptor(image.manifest, image.media_type, platform={"architecture": arch, "os": system})
        for image, (arch, system) in zip(images, platforms, strict=False)
    ]
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
    return Image(json.dumps(index).encode(), media_type, [])


class Client:
    """Requests to one registry.

    Attributes:
        app: The registry.
        http: The client behind, for requests that have no method here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registry.test")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Any request, with just the headers given: httpx would accept anything by itself."""
        url = self.http.base_url.join(path)
        if params is not None:
            url = url.copy_merge_params(params)
        request = self.http.build_request(method, url, headers=headers, content=body)
        if not headers or "accept" not in {name.lower() for name in headers}:
            del request.headers["accept"]
        return await self.http.send(request)

    # Blobs --------------------------------------------------------------------------------------

    async def begin(self, name: str = NAME, **params: str) -> str:
        """Begin an upload and return its location."""
        response = await self.request("POST", f"/v2/{name}/blobs/uploads/", params=params)
        assert 202 == response.status_code, response.text
        return response.headers["location"]

    async def patch(
        self, location: str, body: bytes | AsyncIterator[bytes], *, start: int | None = None
    ) -> httpx.Response:
        """Append to an upload; with `start`, as a chunk."""
        headers = {}
        if start is not None:
            assert isinstance(body, bytes)
            headers = {"content-range": f"{start}-{start + len(body) - 1}"}
        return await self.request("PATCH", location, headers=headers, body=body)

    async def finish(
        self,
        location: str,
        digest: str,
        body: bytes | AsyncIterator[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Finish an upload."""
        return await self.request("PUT", location, params={"digest": digest}, body=body, headers=headers)

    async def push_blob(self, content: bytes, name: str = NAME) -> str:
        """Push a blob as most clients push small ones, and return its digest."""
        digest = digest_of(content)
        response = await self.finish(await self.begin(name), digest, content)
        assert 201 == response.status_code, response.text
        return digest

    async def get_blob(self, digest: str, name: str = NAME, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Ask for a blob."""
        return await self.request("GET", f"/v2/{name}/blobs/{digest}", headers=headers)

    async def head_blob(self, digest: str, name: str = NAME) -> httpx.Response:
        """Ask whether there is a blob."""
        return await self.request("HEAD", f"/v2/{name}/blobs/{digest}")

    # Manifests ----------------------------------------------------------------------------------

    async def put_manifest(
        self, reference: str, content: bytes, media_type: str = OCI_MANIFEST, name: str = NAME
    ) -> httpx.Response:
        """Push a manifest."""
        headers = {"content-type": media_type}
        return await self.request("PUT", f"/v2/{name}/manifests/{reference}", headers=headers, body=content)

    async def get_manifest(
        self, reference: str, name: str = NAME, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Ask for a manifest."""
        return await self.request("GET", f"/v2/{name}/manifests/{reference}", headers=headers)

    async def push_image(self, image: Image, reference: str | None = None, name: str = NAME) -> str:
        """Push an image's blobs and its manifest, by digest where no reference is given; return the digest."""
        for blob in image.blobs:
            await self.push_blob(blob, name)
        response = await self.put_manifest(reference or image.digest, image.manifest, image.media_type, name)
        assert 201 == response.status_code, response.text
        return image.digest


async def tags_of(client: Client, name: str = NAME) -> list[str]:
    """A repository's tags."""
    response = await client.request("GET", f"/v2/{name}/tags/list")
    assert 200 == response.status_code, response.text
    tags: list[str] = response.json()["tags"]
    return tags
