"""A registry's endpoints, called one by one: for what no client can be made to do alone.

The requests are the OCI distribution-spec's, section "Endpoints", and Distribution's catalog.
"""

import ssl
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import urljoin

import httpx

from .client import PLAIN, Trust
from .documents import Document, sha256

__all__ = ["Endpoints"]

_ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.manifest.v1",
        "oci.image.index.v1",
        "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
    )
)


class Endpoints:
    """The endpoints of one registry; a context manager that closes its connections.

    Args:
        url: The registry's base URL.
        trust: How it is reached.
    """

    def __init__(self, url: str, trust: Trust = PLAIN) -> None:
        verify = True if trust.authority is None else ssl.create_default_context(cafile=trust.authority)
        self._client = httpx.Client(base_url=url, headers={"accept": _ACCEPT}, timeout=30, verify=verify)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def push_blob(self, name: str, data: bytes, digest: str = "") -> str:
        """Pushes a blob with POST and PUT, under its SHA-256 digest unless another is given, and returns the digest."""
        digest = digest or sha256(data)
        upload = self._expect(202, "POST", f"/v2/{name}/blobs/uploads/")
        self._expect(201, "PUT", self._location(upload), params={"digest": digest}, content=data)
        return digest

    def mount_blob(self, name: str, digest: str, *, source: str) -> bool:
        """Asks for a blob of another repository, and returns whether it was mounted; if not, the upload is given up."""
        answer = self._request("POST", f"/v2/{name}/blobs/uploads/", params={"mount": digest, "from": source})
        if answer.status_code == httpx.codes.CREATED:
            return True
        answer.raise_for_status()
        self._expect(204, "DELETE", self._location(answer))
        return False

    def push(self, name: str, document: Document, *tags: str) -> None:
        """Pushes all that a manifest refers to, then the manifest by each tag, or by its digest without any."""
        for data in document.blobs:
            self.push_blob(name, data)
        for child in document.children:
            self.push(name, child)
        for reference in tags or (document.digest,):
            assert self.put_manifest(name, reference, document) == httpx.codes.CREATED

    def put_manifest(self, name: str, reference: str, document: Document) -> int:
        """Pushes a manifest alone, and returns the status."""
        headers = {"content-type": document.media_type}
        path = f"/v2/{name}/manifests/{reference}"
        return self._request("PUT", path, content=document.content, headers=headers).status_code

    def manifest(self, name: str, reference: str) -> tuple[str, bytes] | None:
        """Returns the media type and the bytes of a manifest, None where the answer is 404."""
        answer = self._request("GET", f"/v2/{name}/manifests/{reference}")
        return None if self._is_missing(answer) else (answer.headers["content-type"], answer.content)

    def blob(self, name: str, digest: str) -> bytes | None:
        """Returns the bytes of a blob, None where the answer is 404."""
        answer = self._request("GET", f"/v2/{name}/blobs/{digest}")
        return None if self._is_missing(answer) else answer.content

    def delete(self, name: str, kind: str, reference: str) -> int:
        """Deletes one of the `manifests` or `blobs`, and returns the status."""
        return self._request("DELETE", f"/v2/{name}/{kind}/{reference}").status_code

    def tags(self, name: str) -> list[str]:
        """Returns the tags of a repository, sorted; none where the answer is 404, or null as Go has it."""
        answer = self._request("GET", f"/v2/{name}/tags/list")
        return [] if self._is_missing(answer) else sorted(answer.json()["tags"] or [])

    def catalog(self) -> list[str]:
        """Returns all repositories in the order in which they are listed."""
        return [name for page in self._pages("/v2/_catalog") for name in page["repositories"] or []]

    def referrers(self, name: str, digest: str) -> list[str]:
        """Returns the digests of what is attached to a manifest, sorted."""
        pages = self._pages(f"/v2/{name}/referrers/{digest}")
        return sorted(str(found["digest"]) for page in pages for found in page["manifests"])

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        following: str | None = path
        while following:
            answer = self._expect(200, "GET", following)
            yield answer.json()
            link = answer.links.get("next")
            following = urljoin(str(answer.url), link["url"]) if link else None

    def _request(self, method: str, target: str, **extra: Any) -> httpx.Response:
        answer = self._client.request(method, target, **extra)

        assert answer.status_code < 500, f"{method} {target}: {answer.status_code} {answer.text}"

        return answer

    def _expect(self, status: int, method: str, target: str, **extra: Any) -> httpx.Response:
        """Sends a request that has one right answer; parameters are added to those that the target has already."""
        url = self._client.base_url.join(target).copy_merge_params(extra.pop("params", {}))
        answer = self._request(method, str(url), **extra)

        assert status == answer.status_code, f"{method} {target}: {answer.status_code} {answer.text}"

        return answer

    @staticmethod
    def _location(answer: httpx.Response) -> str:
        return urljoin(str(answer.url), answer.headers["location"])

    @staticmethod
    def _is_missing(answer: httpx.Response) -> bool:
        if answer.status_code == httpx.codes.NOT_FOUND:
            return True
        answer.raise_for_status()
        return False
