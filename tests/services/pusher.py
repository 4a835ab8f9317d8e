"""A small registry client that remembers what the server has acknowledged.

Requests are the OCI distribution-spec's, section "Push": every way that it knows of getting a blob into a registry.
"""

import hashlib
import json
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import Enum

import httpx

__all__ = [
    "MANIFEST_TYPE",
    "Acknowledged",
    "Image",
    "Pusher",
    "UnexpectedAnswerError",
    "Upload",
    "Way",
    "make_image",
    "sha256",
]

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
"""The media type of the images' manifests."""

_STREAM_PIECE = 64 * 1024


class UnexpectedAnswerError(Exception):
    """The server answered, and not with what the specification asks for.

    Attributes:
        answer: The answer.
    """

    def __init__(self, message: str, answer: httpx.Response) -> None:
        super().__init__(message)
        self.answer = answer


class Way(Enum):
    """How the bytes of a blob are sent."""

    MONOLITHIC = "POST, then one PUT with the bytes"
    SINGLE = "one POST with the digest and the bytes"
    STREAMED = "POST, one PATCH of unknown length, PUT"
    CHUNKED = "POST, several PATCHes with Content-Range, PUT"


def sha256(data: bytes) -> str:
    """Returns the digest of bytes, in the notation of the specification."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image in memory: blobs of noise under a valid manifest."""

    repository: str
    tag: str
    config: bytes
    layers: tuple[bytes, ...]
    manifest: bytes


@dataclass(slots=True, kw_only=True)
class Upload:
    """An upload of which some chunks were acknowledged and the commit was not.

    Attributes:
        location: Where it goes on.
        data: The whole blob.
        acknowledged: The offset that the last 202 named.
        sent: The end of what was ever handed to the socket; the server can hold no more than this.
        committing: Whether the closing PUT was sent.
    """

    repository: str
    location: str
    data: bytes
    acknowledged: int = 0
    sent: int = 0
    committing: bool = False


@dataclass(slots=True, kw_only=True)
class Acknowledged:
    """What the server has said that it holds.

    Attributes:
        blobs: Those answered with a 201, as (repository, digest).
        manifests: The same of manifests.
        tags: The manifest digest that was acknowledged last, by (repository, tag).
        attempted: The manifest digests by (repository, tag) of which it is unknown whether they were stored.
        uploads: Uploads that were interrupted.
    """

    blobs: set[tuple[str, str]] = field(default_factory=set)
    manifests: set[tuple[str, str]] = field(default_factory=set)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    attempted: dict[tuple[str, str], str] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)


def make_image(chance: random.Random, *, repository: str, tag: str, sizes: tuple[int, ...]) -> Image:
    """Makes an image with one layer of noise per size."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "created_by": chance.random()}).encode()
    layers = tuple(chance.randbytes(size) for size in sizes)
    descriptors = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256(layer), "size": len(layer)}
        for layer in layers
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": sha256(config),
            "size": len(config),
        },
        "layers": descriptors,
    }
    return Image(repository=repository, tag=tag, config=config, layers=layers, manifest=json.dumps(manifest).encode())


class Pusher:
    """Pushes images over one HTTP client and records every acknowledgement; one per task.

    Args:
        client: A client whose base URL is the registry's.
        chance: Chooses the way in which each blob is sent.
        record: Where acknowledgements go; pushers may share one.
    """

    def __init__(self, client: httpx.AsyncClient, chance: random.Random, record: Acknowledged) -> None:
        self._client = client
        self._chance = chance
        self._record = record

    async def push(self, image: Image) -> None:
        """Pushes blobs the server lacks, then the manifest by its tag.

        Raises:
            httpx.TransportError: the server is gone; what it had acknowledged until then is recorded.
            UnexpectedAnswerError: it answered otherwise than the specification says.
        """
        for blob in (image.config, *image.layers):
            if not await self._has(image.repository, sha256(blob)):
                await self.push_blob(image.repository, blob, self._chance.choice(list(Way)))
        await self.push_manifest(image)

    async def push_blob(self, repository: str, data: bytes, way: Way) -> None:
        """Pushes one blob; raises as `push` does."""
        if way is Way.SINGLE:
            await self._post_whole(repository, data)
        else:
            answer = await self._client.post(f"/v2/{repository}/blobs/uploads/")
            _expect(answer, httpx.codes.ACCEPTED)
            await self._send(Upload(repository=repository, location=answer.headers["location"], data=data), way)
        self._record.blobs.add((repository, sha256(data)))

    async def push_manifest(self, image: Image) -> None:
        """Pushes the manifest by its tag; raises as `push` does."""
        key = (image.repository, image.tag)
        self._record.attempted[key] = sha256(image.manifest)
        answer = await self._client.put(
            f"/v2/{image.repository}/manifests/{image.tag}",
            content=image.manifest,
            headers={"content-type": MANIFEST_TYPE},
        )
        _expect(answer, httpx.codes.CREATED)
        self._record.manifests.add((image.repository, sha256(image.manifest)))
        self._record.tags[key] = self._record.attempted.pop(key)

    async def resume(self, upload: Upload) -> None:
        """Asks how far an upload got, sends the rest of it, and commits; raises as `push` does.

        An upload that was being committed may be gone: then its blob is pushed anew, unless it is there.
        """
        answer = await self._client.get(upload.location)
        if answer.status_code == httpx.codes.NOT_FOUND and upload.committing:
            if not await self._has(upload.repository, sha256(upload.data)):
                await self.push_blob(upload.repository, upload.data, Way.MONOLITHIC)
        else:
            _expect(answer, httpx.codes.NO_CONTENT)
            offset = _offset(answer)
            if offset > upload.sent:
                msg = f"the server says that it holds {offset} bytes of an upload of which {upload.sent} were sent"
                raise UnexpectedAnswerError(msg, answer)
            upload.location = answer.headers.get("location", upload.location)
            upload.acknowledged = offset
            await self._send_chunk(upload, len(upload.data))
            await self._finish(upload)
        self._record.blobs.add((upload.repository, sha256(upload.data)))

    async def _post_whole(self, repository: str, data: bytes) -> None:
        answer = await self._client.post(
            f"/v2/{repository}/blobs/uploads/", params={"digest": sha256(data)}, content=data
        )
        if answer.status_code == httpx.codes.ACCEPTED:
            # The specification lets a registry decline this way, and start a session instead.
            upload = Upload(repository=repository, location=answer.headers["location"], data=data)
            await self._finish(upload, data)
        else:
            _expect(answer, httpx.codes.CREATED)

    async def _has(self, repository: str, digest: str) -> bool:
        answer = await self._client.head(f"/v2/{repository}/blobs/{digest}")
        if answer.status_code != httpx.codes.NOT_FOUND:
            _expect(answer, httpx.codes.OK)
        return answer.status_code == httpx.codes.OK

    async def _send(self, upload: Upload, way: Way) -> None:
        if way is Way.MONOLITHIC:
            await self._finish(upload, upload.data)
            return
        try:
            if way is Way.STREAMED:
                await self._stream(upload)
            else:
                for end in self._ends(len(upload.data)):
                    await self._send_chunk(upload, end)
            await self._finish(upload)
        except httpx.TransportError:
            self._record.uploads.append(upload)
            raise

    def _ends(self, size: int) -> Iterator[int]:
        count = self._chance.randint(2, 5)
        yield from (size * number // count for number in range(1, count + 1))

    async def _stream(self, upload: Upload) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(upload.data), _STREAM_PIECE):
                piece = upload.data[start : start + _STREAM_PIECE]
                upload.sent = start + len(piece)
                yield piece

        answer = await self._client.patch(
            upload.location, content=pieces(), headers={"content-type": "application/octet-stream"}
        )
        self._accepted(upload, answer, len(upload.data))

    async def _send_chunk(self, upload: Upload, end: int) -> None:
        start = upload.acknowledged
        if start == end:
            return
        headers = {"content-type": "application/octet-stream", "content-range": f"{start}-{end - 1}"}
        upload.sent = max(upload.sent, end)
        answer = await self._client.patch(upload.location, content=upload.data[start:end], headers=headers)
        self._accepted(upload, answer, end)

    def _accepted(self, upload: Upload, answer: httpx.Response, end: int) -> None:
        _expect(answer, httpx.codes.ACCEPTED)
        if _offset(answer) != end:
            msg = f"acknowledged {_offset(answer)} bytes where {end} were sent"
            raise UnexpectedAnswerError(msg, answer)
        upload.location = answer.headers["location"]
        upload.acknowledged = end

    async def _finish(self, upload: Upload, content: bytes = b"") -> None:
        upload.committing = True
        url = httpx.URL(upload.location)
        answer = await self._client.put(url.copy_add_param("digest", sha256(upload.data)), content=content)
        _expect(answer, httpx.codes.CREATED)


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        msg = f"{answer.request.method} {answer.request.url}: {answer.status_code}, expected {status}\n{answer.text}"
        raise UnexpectedAnswerError(msg, answer)


def _offset(answer: httpx.Response) -> int:
    """The number of bytes held, from a Range header, whose end is inclusive and whose emptiness is `0-0` or `0--1`."""
    end = int(answer.headers["range"].removeprefix("bytes=").split("-", 1)[1])
    return end + 1 if end > 0 else 0
