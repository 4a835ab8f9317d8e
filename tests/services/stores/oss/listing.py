"""The fake's listing of objects."""

import base64
import binascii
from collections.abc import Iterable
from urllib.parse import quote
from xml.etree import ElementTree as ET

from tests.services.loopback import Answer, Request

from .place import Bucket
from .refusal import RefusalError, document

__all__ = ["list_objects"]


def list_objects(bucket: Bucket, request: Request, *, page: int) -> Answer:
    """ListObjectsV2.

    Args:
        bucket: The bucket.
        request: The request.
        page: How many names an answer has at most, though the request allows more.
    """
    query = request.query
    most = query.get("max-keys", "100")
    if not (most.isdecimal() and 1 <= int(most) <= 1000):
        raise RefusalError(400, "InvalidArgument", "max-keys is not valid.")
    if query.get("encoding-type", "url") != "url":
        raise RefusalError(400, "InvalidArgument", "encoding-type is not valid.")
    escaped = "encoding-type" in query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    token = query.get("continuation-token")
    start = query.get("start-after", "") if token is None else ""
    keys = sorted(
        (key for key in bucket.objects if key.startswith(prefix) and key.encode() > start.encode()), key=str.encode
    )
    seen = "" if token is None else _seen(token)
    names, truncated = _names(keys, prefix, delimiter, seen, min(int(most), page))

    def name(text: str) -> str:
        return quote(text, safe="") if escaped else text

    told: list[tuple[str, str] | ET.Element] = [
        ("Prefix", name(prefix)),
        ("MaxKeys", most),
        ("KeyCount", str(len(names))),
        ("IsTruncated", "true" if truncated else "false"),
    ]
    told += [("EncodingType", "url")] if escaped else []
    if truncated:
        told.append(("NextContinuationToken", name(base64.b64encode(names[-1].encode()).decode())))
    for found in names:
        is_common = bool(delimiter) and delimiter in found[len(prefix) :]
        told.append(_common(name(found)) if is_common else _contents(bucket, found, name(found)))
    return Answer(body=document("ListBucketResult", *told))


def _names(keys: Iterable[str], prefix: str, delimiter: str, seen: str, count: int) -> tuple[list[str], bool]:
    """Keys and common prefixes after the last that was seen, and whether there are more."""
    names: list[str] = []
    for key in keys:
        name = _name(key, prefix, delimiter)
        if name.encode() <= seen.encode() or (names and names[-1] == name):
            continue
        if len(names) == count:
            return names, True
        names.append(name)
    return names, False


def _name(key: str, prefix: str, delimiter: str) -> str:
    """The key, or the common prefix that stands for it."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return key if end < 0 else key[: end + len(delimiter)]


def _seen(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise RefusalError(400, "InvalidArgument", "The continuation token is not valid.") from None


def _common(name: str) -> ET.Element:
    item = ET.Element("CommonPrefixes")
    ET.SubElement(item, "Prefix").text = name
    return item


def _contents(bucket: Bucket, key: str, name: str) -> ET.Element:
    stored = bucket.objects[key]
    item = ET.Element("Contents")
    fields = {
        "Key": name,
        "LastModified": stored.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ETag": f'"{stored.etag}"',
        "Type": "Normal",
        "Size": str(len(stored.content)),
        "StorageClass": "Standard",
    }
    for tag, text in fields.items():
        ET.SubElement(item, tag).text = text
    return item
