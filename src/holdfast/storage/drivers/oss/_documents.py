"""The XML of requests and answers: read by a parser in C, since the SDK's takes long for listings."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, OpenUpload, Page
from holdfast.storage.errors import UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from holdfast.storage.drivers._objectstore.bucket import Part

__all__ = [
    "completion",
    "deletion",
    "read_deleted",
    "read_page",
    "read_text",
    "read_uploads",
]

_MARKERS: Final = ("NextKeyMarker", "NextUploadIdMarker")


def read_page(document: bytes) -> Page:
    """Read an answer to ListObjectsV2."""
    root, name = _root(document)
    objects = [_object(item, name) for item in root.iterfind("Contents")]
    prefixes = [name(item.findtext("Prefix") or "") for item in root.iterfind("CommonPrefixes")]
    cursor = name(root.findtext("NextContinuationToken") or "")
    if root.findtext("IsTruncated") != "true":
        return Page(objects, prefixes, None)
    if not cursor:
        raise UnexpectedStorageError("the store's listing goes on, and doesn't say where")
    return Page(objects, prefixes, cursor)


def read_uploads(document: bytes) -> tuple[list[OpenUpload], dict[str, str]]:
    """Read an answer to ListMultipartUploads.

    Returns:
        The uploads, and the parameters for those after them; none at the end.
    """
    root, name = _root(document)
    uploads = [
        OpenUpload(
            name(item.findtext("Key") or ""),
            item.findtext("UploadId") or "",
            _moment(item.findtext("Initiated")),
        )
        for item in root.iterfind("Upload")
    ]
    if root.findtext("IsTruncated") != "true":
        return uploads, {}
    key, upload_id = (root.findtext(marker) or "" for marker in _MARKERS)
    if not key:
        raise UnexpectedStorageError("the store's list of uploads goes on, and doesn't say where")
    return uploads, {"key-marker": name(key), "upload-id-marker": upload_id}


def read_deleted(document: bytes) -> set[str]:
    """Read an answer to DeleteMultipleObjects: the keys that are gone."""
    root, name = _root(document)
    return {name(item.findtext("Key") or "") for item in root.iterfind("Deleted")}


def read_text(document: bytes, tag: str) -> str:
    """Read one text of a document; empty, where it has none."""
    return _root(document)[0].findtext(tag) or ""


def completion(parts: Sequence[Part]) -> bytes:
    """Write what CompleteMultipartUpload names."""
    root = ET.Element("CompleteMultipartUpload")
    for part in parts:
        named = ET.SubElement(root, "Part")
        ET.SubElement(named, "PartNumber").text = str(part.number)
        ET.SubElement(named, "ETag").text = part.tag
    return _written(root)


def deletion(keys: Iterable[str]) -> bytes:
    """Write what DeleteMultipleObjects names. The store is to tell what it has deleted: that is all it tells."""
    root = ET.Element("Delete")
    ET.SubElement(root, "Quiet").text = "false"
    for key in keys:
        ET.SubElement(ET.SubElement(root, "Object"), "Key").text = key
    return _written(root)


def _written(root: ET.Element) -> bytes:
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _root(document: bytes) -> tuple[ET.Element, Callable[[str], str]]:
    """A document without its namespace, and what reads its names."""
    try:
        root = ET.fromstring(document)  # noqa: S314 - expat bounds the expansion of entities, and loads nothing
    except ET.ParseError as error:
        raise UnexpectedStorageError(f"the store's answer can't be read: {error}") from error
    if root.tag.startswith("{"):
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    return root, unquote if root.findtext("EncodingType") == "url" else _as_it_is


def _object(item: ET.Element, name: Callable[[str], str]) -> ObjectInfo:
    found = {field.tag: field.text for field in item}
    etag = found.get("ETag")
    return ObjectInfo(
        key=name(found.get("Key") or ""),
        size=int(found.get("Size") or 0),
        modified=_moment(found.get("LastModified")),
        version=etag.strip('"') if etag else None,
    )


def _moment(text: str | None) -> datetime | None:
    """A moment, in whole seconds as headers have them: the same object is to be described alike."""
    return datetime.fromisoformat(text).replace(microsecond=0) if text else None


def _as_it_is(text: str) -> str:
    return text
