"""The fake's operations on uploads of parts."""

import hashlib
from itertools import pairwise
from urllib.parse import quote
from xml.etree import ElementTree as ET

from tests.services.loopback import Answer, Request

from .objects import check_content, copied_range, kept_headers, source_of
from .place import MAX_PART, MAX_PARTS, MIN_PART, Bucket, Stored, Upload, check_key
from .refusal import RefusalError, document

__all__ = ["abort", "complete", "initiate", "list_uploads", "put_part"]


def initiate(bucket: Bucket, name: str, key: str, request: Request) -> Answer:
    """InitiateMultipartUpload."""
    check_key(key)
    upload = Upload(key=key, headers=kept_headers(request))
    bucket.uploads[upload.upload_id] = upload
    told = (("Bucket", name), ("Key", key), ("UploadId", upload.upload_id))
    return Answer(body=document("InitiateMultipartUploadResult", *told))


def put_part(bucket: Bucket, name: str, key: str, request: Request) -> Answer:
    """UploadPart and UploadPartCopy."""
    number = request.query["partNumber"]
    if not (number.isdecimal() and 1 <= int(number) <= MAX_PARTS):
        raise RefusalError(400, "InvalidArgument", "Part number must be an integer between 1 and 10000.")
    upload = bucket.upload(key, request.query["uploadId"])
    if "x-oss-copy-source" not in request.headers:
        check_content(request)
        part = upload.parts[int(number)] = Stored.of(request.body)
        return Answer(headers=part.told)
    content = copied_range(request, source_of(bucket, name, request).content)
    if len(content) > MAX_PART:
        raise RefusalError(400, "InvalidArgument", "The part is too large to be copied at once.")
    part = upload.parts[int(number)] = Stored.of(content)
    modified = part.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return Answer(body=document("CopyPartResult", ("LastModified", modified), ("ETag", f'"{part.etag}"')))


def complete(bucket: Bucket, key: str, request: Request) -> Answer:
    """CompleteMultipartUpload."""
    upload = bucket.upload(key, request.query["uploadId"])
    try:
        root = ET.fromstring(request.body)
    except ET.ParseError:
        raise RefusalError(400, "MalformedXML", "The XML you provided was not well-formed.") from None
    named = [
        (int(part.findtext("PartNumber") or 0), (part.findtext("ETag") or "").strip('"'))
        for part in root.findall("Part")
    ]
    if root.tag != "CompleteMultipartUpload" or not named:
        raise RefusalError(400, "MalformedXML", "The XML you provided did not validate against our published schema.")
    if any(first[0] >= second[0] for first, second in pairwise(named)):
        raise RefusalError(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
    parts = [upload.parts.get(number) for number, _ in named]
    if any(part is None or part.etag != etag for part, (_, etag) in zip(parts, named, strict=True)):
        raise RefusalError(400, "InvalidPart", "One or more of the parts could not be found.")
    found = [part for part in parts if part is not None]
    if any(len(part.content) < MIN_PART for part in found[:-1]):
        raise RefusalError(400, "EntityTooSmall", "Your proposed upload smaller than the minimum allowed size.")
    digest = hashlib.md5("".join(part.etag for part in found).encode(), usedforsecurity=False).hexdigest().upper()
    content = b"".join(part.content for part in found)
    stored = Stored.of(content, etag=f"{digest}-{len(found)}", headers=upload.headers)
    bucket.objects[key] = stored
    del bucket.uploads[upload.upload_id]
    return Answer(body=document("CompleteMultipartUploadResult", ("Key", key), ("ETag", f'"{stored.etag}"')))


def abort(bucket: Bucket, key: str, request: Request) -> Answer:
    """AbortMultipartUpload."""
    del bucket.uploads[bucket.upload(key, request.query["uploadId"]).upload_id]
    return Answer(status=204)


def list_uploads(bucket: Bucket, request: Request, *, page: int) -> Answer:
    """ListMultipartUploads."""
    query = request.query
    most = query.get("max-uploads", "1000")
    if not (most.isdecimal() and 1 <= int(most) <= 1000):
        raise RefusalError(400, "InvalidArgument", "max-uploads is not valid.")
    key_marker = query.get("key-marker", "")
    after = (key_marker, query.get("upload-id-marker", "") if key_marker else "")
    named = sorted((upload.key, upload.upload_id) for upload in bucket.uploads.values())
    left = [
        pair
        for pair in named
        if pair[0].startswith(query.get("prefix", "")) and (pair > after if after[1] else pair[0] > after[0])
    ]
    count = min(int(most), page)
    shown = left[:count]
    escaped = query.get("encoding-type") == "url"

    def name(text: str) -> str:
        return quote(text, safe="") if escaped else text

    told: list[tuple[str, str] | ET.Element] = [("EncodingType", "url")] if escaped else []
    told.append(("IsTruncated", "true" if len(left) > count else "false"))
    if len(left) > count:
        told += [("NextKeyMarker", name(shown[-1][0])), ("NextUploadIdMarker", shown[-1][1])]
    for key, upload_id in shown:
        item = ET.Element("Upload")
        ET.SubElement(item, "Key").text = name(key)
        ET.SubElement(item, "UploadId").text = upload_id
        started = bucket.uploads[upload_id].started
        ET.SubElement(item, "Initiated").text = started.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        told.append(item)
    return Answer(body=document("ListMultipartUploadsResult", *told))
