"""Listing: pages of names, read from the store's document by a parser in C.

The SDK takes 70 ms to read a page of a thousand objects, and the event loop waits so long; with this it takes 17.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, OpenUpload, Page
from holdfast.storage.errors import UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from holdfast.storage.drivers.s3._client import Client

__all__ = ["attach_listing", "list_page", "list_uploads"]

_PAGE: Final = "HoldfastPage"
_EMPTY: Final = b"<ListBucketResult/>"


def attach_listing(events: Any) -> None:
    """Have an SDK's client read listings our way."""
    events.register("before-parse.s3.ListObjectsV2", _read_document)
    events.register("before-parse.s3.ListObjects", _read_document)


async def list_page(
    client: Client,
    version: int,
    prefix: str,
    *,
    delimiter: bool,
    start_after: str | None,
    cursor: str | None,
    limit: int | None,
) -> Page:
    """See `Bucket.list_page`.

    Args:
        client: The bucket's.
        version: 2, or 1 for stores that have ListObjects only.
        prefix: Of the keys.
        delimiter: Whether keys with a `/` after the prefix are told as common prefixes.
        start_after: Only greater keys.
        cursor: From an earlier page.
        limit: At most so many.
    """
    parameters: dict[str, Any] = {"Prefix": prefix, "EncodingType": "url"}
    if delimiter:
        parameters["Delimiter"] = "/"
    if limit is not None:
        parameters["MaxKeys"] = min(limit, 1000)
    if version == 1:
        begin = cursor or start_after
        answer = await client.call("list_objects", **parameters, **({"Marker": begin} if begin else {}))
    else:
        if cursor is not None:
            parameters["ContinuationToken"] = cursor
        elif start_after:
            parameters["StartAfter"] = start_after
        answer = await client.call("list_objects_v2", **parameters)
    page: Page = answer[_PAGE]
    return page


async def list_uploads(client: Client, prefix: str) -> AsyncIterator[OpenUpload]:
    """See `Bucket.list_uploads`."""
    markers: dict[str, str] = {}
    while True:
        answer = await client.call("list_multipart_uploads", Prefix=prefix, **markers)
        for upload in answer.get("Uploads", ()):
            yield OpenUpload(upload["Key"], upload["UploadId"], upload.get("Initiated"))
        key = answer.get("NextKeyMarker")
        if not (answer.get("IsTruncated") and key):
            return
        after = {"KeyMarker": key, "UploadIdMarker": answer.get("NextUploadIdMarker") or ""}
        if after == markers:
            raise UnexpectedStorageError("the store's list of uploads has no end")
        markers = after


def _read_document(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take a listing's document, and leave the SDK an empty one."""
    if response_dict["status_code"] == 200:
        customized_response_dict[_PAGE] = _parse(response_dict["body"])
        response_dict["body"] = _EMPTY


def _parse(document: bytes) -> Page:
    try:
        root = ET.fromstring(document)  # noqa: S314 - expat bounds the expansion of entities, and loads nothing
    except ET.ParseError as error:
        raise UnexpectedStorageError(f"the store's listing can't be read: {error}") from error
    namespace = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    encoded = root.findtext(f"{namespace}EncodingType") == "url" and (b"%" in document or b"+" in document)
    name = unquote_plus if encoded else _as_it_is
    objects = [_object(item, namespace, name) for item in root.iterfind(f"{namespace}Contents")]
    prefixes = [name(item.findtext(f"{namespace}Prefix") or "") for item in root.iterfind(f"{namespace}CommonPrefixes")]
    cursor = None
    if root.findtext(f"{namespace}IsTruncated") == "true":
        cursor = root.findtext(f"{namespace}NextContinuationToken") or name(
            root.findtext(f"{namespace}NextMarker") or ""
        )
        cursor = cursor or max([*(info.key for info in objects[-1:]), *prefixes[-1:]], default=None)
    return Page(objects, prefixes, cursor)


def _object(item: ET.Element, namespace: str, name: Callable[[str], str]) -> ObjectInfo:
    found = {field.tag: field.text for field in item}
    modified, etag = found.get(f"{namespace}LastModified"), found.get(f"{namespace}ETag")
    return ObjectInfo(
        key=name(found[f"{namespace}Key"] or ""),
        size=int(found[f"{namespace}Size"] or 0),
        # Only listings have fractions of a second; other answers don't, and the same object is to be described alike.
        modified=datetime.fromisoformat(modified).replace(microsecond=0) if modified else None,
        version=etag.strip('"') if etag else None,
    )


def _as_it_is(text: str) -> str:
    return text
