"""Uploads of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, OpenUpload, Part, UnknownUploadError
from holdfast.storage.drivers._objectstore.content import Content
from holdfast.storage.drivers.oss._documents import completion, read_text, read_uploads
from holdfast.storage.errors import PathNotFoundError, UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from holdfast.storage.driver import Buffer
    from holdfast.storage.drivers.oss._client import Client
    from holdfast.storage.drivers.oss.options import OSSOptions

__all__ = [
    "CONTENT_TYPE",
    "abort",
    "begin",
    "complete",
    "copy_part",
    "copy_source",
    "list_uploads",
    "put_part",
    "write_headers",
]

CONTENT_TYPE: Final = "application/octet-stream"
"""As upstream's."""

_PAGE: Final = "1000"


def write_headers(options: OSSOptions) -> dict[str, str]:
    """What goes with everything that makes an object."""
    if not options.encrypt:
        return {}
    if options.encryptionkeyid is None:
        return {"x-oss-server-side-encryption": "AES256"}
    return {
        "x-oss-server-side-encryption": "KMS",
        "x-oss-server-side-encryption-key-id": options.encryptionkeyid,
    }


def copy_source(client: Client, key: str) -> dict[str, str]:
    """The header that names what is copied."""
    return {"x-oss-copy-source": f"/{client.bucket}/{quote(key)}"}


async def begin(client: Client, key: str, headers: Mapping[str, str]) -> str:
    """See `Bucket.begin_upload`."""
    headers = {"Content-Type": CONTENT_TYPE, **headers}
    answer = await client.call("InitiateMultipartUpload", "POST", key, query={"uploads": ""}, headers=headers)
    return read_text(answer.content, "UploadId")


async def put_part(client: Client, key: str, upload_id: str, number: int, content: Buffer) -> Part:
    """See `Bucket.put_part`."""
    query = {"partNumber": str(number), "uploadId": upload_id}
    answer = await client.call("UploadPart", "PUT", key, query=query, body=Content(content))
    return Part(number, len(content), answer.headers["ETag"])


async def copy_part(
    client: Client, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
) -> Part:
    """See `Bucket.copy_part`. OSS copies the whole object where a range doesn't fit: the version is what counts."""
    headers = copy_source(client, source.key) | {"x-oss-copy-source-range": f"bytes={offset}-{offset + length - 1}"}
    if source.version is not None:
        headers["x-oss-copy-source-if-match"] = f'"{source.version}"'
    query = {"partNumber": str(number), "uploadId": upload_id}
    answer = await client.call("UploadPartCopy", "PUT", key, query=query, headers=headers)
    return Part(number, length, read_text(answer.content, "ETag"))


async def complete(client: Client, key: str, upload_id: str, parts: Sequence[Part]) -> None:
    """See `Bucket.complete_upload`."""
    headers = {"Content-Type": "application/xml"}
    query = {"uploadId": upload_id}
    try:
        await client.call("CompleteMultipartUpload", "POST", key, query=query, headers=headers, body=completion(parts))
    except PathNotFoundError as error:
        raise UnknownUploadError("the store doesn't have this upload") from error


async def abort(client: Client, key: str, upload_id: str) -> None:
    """See `Bucket.abort_upload`."""
    try:
        await client.call("AbortMultipartUpload", "DELETE", key, query={"uploadId": upload_id})
    except (UnknownUploadError, PathNotFoundError):
        return


async def list_uploads(client: Client, prefix: str) -> AsyncIterator[OpenUpload]:
    """See `Bucket.list_uploads`."""
    after: dict[str, str] = {}
    while True:
        query = {"uploads": "", "prefix": prefix, "max-uploads": _PAGE, "encoding-type": "url", **after}
        answer = await client.call("ListMultipartUploads", "GET", query=query)
        uploads, following = read_uploads(answer.content)
        for upload in uploads:
            yield upload
        if not following:
            return
        if following == after:
            raise UnexpectedStorageError("the store's list of uploads has no end")
        after = following
