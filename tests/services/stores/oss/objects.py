"""The fake's operations on objects."""

import base64
import hashlib
import re
from email.utils import format_datetime
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

from tests.services.loopback import Answer, Request

from .place import MAX_PART, Bucket, Stored, check_key
from .refusal import RefusalError, document

__all__ = [
    "check_content",
    "copied_range",
    "copy_object",
    "delete_object",
    "delete_objects",
    "get_object",
    "kept_headers",
    "put_object",
    "source_of",
]

_BATCH = 1000
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_KEPT = ("content-type", "x-oss-server-side-encryption", "x-oss-server-side-encryption-key-id")


def kept_headers(request: Request) -> dict[str, str]:
    """What an object keeps of the request that made it."""
    kept = {name: request.headers[name] for name in _KEPT if name in request.headers}
    encryption = kept.get("x-oss-server-side-encryption")
    if encryption not in {None, "AES256", "KMS"} or (encryption != "KMS" and _KEPT[2] in kept):
        raise RefusalError(400, "InvalidEncryptionAlgorithmError", "The encryption is not valid.")
    return kept


def check_content(request: Request) -> None:
    """Refuses content that is too large, or isn't what its digest says."""
    if len(request.body) > MAX_PART:
        raise RefusalError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
    digest = base64.b64encode(hashlib.md5(request.body, usedforsecurity=False).digest()).decode()
    if request.headers.get("content-md5", digest) != digest:
        raise RefusalError(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")


def put_object(bucket: Bucket, key: str, request: Request) -> Answer:
    """PutObject."""
    check_key(key)
    check_content(request)
    forbid = request.headers.get("x-oss-forbid-overwrite", "false")
    if forbid not in {"true", "false"}:
        raise RefusalError(400, "InvalidArgument", "x-oss-forbid-overwrite is not valid.")
    if forbid == "true" and key in bucket.objects and not bucket.versioning:
        raise RefusalError(409, "FileAlreadyExists", "The object already exists and can not be overwritten.")
    stored = Stored.of(request.body, headers=kept_headers(request))
    bucket.objects[key] = stored
    return Answer(headers=stored.told)


def get_object(bucket: Bucket, key: str, request: Request) -> Answer:
    """GetObject and HeadObject."""
    check_key(key)
    stored = bucket.find(key)
    wanted = request.headers.get("if-match")
    if wanted is not None and wanted.strip('"') != stored.etag:
        raise RefusalError(412, "PreconditionFailed", "At least one of the pre-conditions did not hold.")
    size = len(stored.content)
    headers = {
        **stored.told,
        "Last-Modified": format_datetime(stored.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "x-oss-object-type": "Normal",
        "Content-Type": stored.headers.get("content-type", "application/octet-stream"),
    }
    matched = _RANGE.fullmatch(request.headers.get("range", ""))
    if matched is None:
        return Answer(body=stored.content, headers=headers)
    first, last = int(matched[1]), min(int(matched[2] or size - 1), size - 1)
    if first >= size or last < first:
        if request.headers.get("x-oss-range-behavior") == "standard":
            raise RefusalError(416, "InvalidRange", "The requested range cannot be satisfied.")
        return Answer(body=stored.content, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Answer(status=206, body=stored.content[first : last + 1], headers=headers)


def source_of(bucket: Bucket, name: str, request: Request) -> Stored:
    """What is copied."""
    source = unquote(request.headers["x-oss-copy-source"])
    owner, _, key = source.removeprefix("/").partition("/")
    if owner != name:
        raise RefusalError(404, "NoSuchBucket", "The specified bucket does not exist.")
    stored = bucket.find(key)
    wanted = request.headers.get("x-oss-copy-source-if-match")
    if wanted is not None and wanted.strip('"') != stored.etag:
        raise RefusalError(412, "PreconditionFailed", "At least one of the pre-conditions did not hold.")
    return stored


def copied_range(request: Request, content: bytes) -> bytes:
    """The range that is copied: all, where it doesn't fit."""
    matched = _RANGE.fullmatch(request.headers.get("x-oss-copy-source-range", ""))
    if matched is None or not matched[2] or int(matched[2]) >= len(content) or int(matched[1]) > int(matched[2]):
        return content
    return content[int(matched[1]) : int(matched[2]) + 1]


def copy_object(bucket: Bucket, name: str, key: str, request: Request) -> Answer:
    """CopyObject."""
    check_key(key)
    source = source_of(bucket, name, request)
    if len(source.content) > MAX_PART:
        raise RefusalError(400, "InvalidArgument", "The object is too large to be copied at once.")
    stored = Stored.of(source.content, etag=source.etag, headers={**source.headers, **kept_headers(request)})
    bucket.objects[key] = stored
    modified = stored.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return Answer(body=document("CopyObjectResult", ("LastModified", modified), ("ETag", f'"{stored.etag}"')))


def delete_object(bucket: Bucket, key: str, request: Request) -> Answer:
    """DeleteObject."""
    del request
    check_key(key)
    bucket.objects.pop(key, None)
    return Answer(status=204)


def delete_objects(bucket: Bucket, request: Request) -> Answer:
    """DeleteMultipleObjects."""
    if "content-md5" not in request.headers:
        raise RefusalError(400, "MissingArgument", "Missing Some Required Arguments: Content-MD5.")
    check_content(request)
    try:
        root = ET.fromstring(request.body)
    except ET.ParseError:
        raise RefusalError(400, "MalformedXML", "The XML you provided was not well-formed.") from None
    keys = [item.findtext("Key") or "" for item in root.findall("Object")]
    if root.tag != "Delete" or not 1 <= len(keys) <= _BATCH:
        raise RefusalError(400, "MalformedXML", "The XML you provided did not validate against our published schema.")
    for key in keys:
        check_key(key)
        bucket.objects.pop(key, None)
    if root.findtext("Quiet") == "true":
        return Answer()
    escaped = request.query.get("encoding-type") == "url"
    gone = []
    for key in keys:
        gone.append(ET.Element("Deleted"))
        ET.SubElement(gone[-1], "Key").text = quote(key, safe="") if escaped else key
    return Answer(body=document("DeleteResult", *([("EncodingType", "url")] if escaped else []), *gone))
