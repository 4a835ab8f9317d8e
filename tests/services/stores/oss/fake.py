"""The fake itself: finds the operation that a request is, and refuses what no operation takes."""

import base64
import re
import ssl
import threading
from dataclasses import replace
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from tests.services.loopback import Answer, Loopback, Request

from . import objects, uploads
from .access import AccessKey, Gate
from .listing import list_objects
from .place import Bucket
from .refusal import RefusalError, document

__all__ = ["REGION", "FakeOss"]

REGION = "cn-hangzhou"

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_SIGNED_PARAMETERS = frozenset(
    {
        "x-oss-additional-headers",
        "x-oss-credential",
        "x-oss-date",
        "x-oss-expires",
        "x-oss-security-token",
        "x-oss-signature",
        "x-oss-signature-version",
    }
)
_SIGNED_HEADERS = frozenset({"x-oss-content-sha256", "x-oss-date", "x-oss-security-token"})
_ENCRYPTION = frozenset({"x-oss-server-side-encryption", "x-oss-server-side-encryption-key-id"})
_COPY = frozenset({"x-oss-copy-source", "x-oss-copy-source-if-match"})


class _Operation(NamedTuple):
    """Which requests it is, and what else they may have.

    Attributes:
        method: The method.
        needs: Parameters that it is known by.
        on_object: It is about an object, and not about the bucket.
        parameters: Further parameters that it takes.
        headers: The headers of OSS's own that it takes.
        copies: It is known by the header that names a source.
    """

    method: str
    needs: frozenset[str] = frozenset()
    on_object: bool = True
    parameters: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    copies: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PART = _words("partNumber uploadId")
_OPERATIONS = {
    "PutBucket": _Operation("PUT", on_object=False),
    "PutBucketVersioning": _Operation("PUT", _words("versioning"), on_object=False),
    "GetBucketVersioning": _Operation("GET", _words("versioning"), on_object=False),
    "ListObjectsV2": _Operation(
        "GET",
        _words("list-type"),
        on_object=False,
        parameters=_words("prefix delimiter start-after continuation-token max-keys encoding-type"),
    ),
    "ListMultipartUploads": _Operation(
        "GET",
        _words("uploads"),
        on_object=False,
        parameters=_words("prefix key-marker upload-id-marker max-uploads encoding-type"),
    ),
    "DeleteMultipleObjects": _Operation("POST", _words("delete"), on_object=False, parameters=_words("encoding-type")),
    "GetObject": _Operation("GET", headers=_words("x-oss-range-behavior")),
    "HeadObject": _Operation("HEAD"),
    "PutObject": _Operation("PUT", headers=_ENCRYPTION | {"x-oss-forbid-overwrite"}),
    "CopyObject": _Operation("PUT", headers=_ENCRYPTION | _COPY, copies=True),
    "DeleteObject": _Operation("DELETE"),
    "InitiateMultipartUpload": _Operation("POST", _words("uploads"), headers=_ENCRYPTION),
    "UploadPart": _Operation("PUT", _PART),
    "UploadPartCopy": _Operation("PUT", _PART, headers=_COPY | {"x-oss-copy-source-range"}, copies=True),
    "CompleteMultipartUpload": _Operation("POST", _words("uploadId")),
    "AbortMultipartUpload": _Operation("DELETE", _words("uploadId")),
}


class FakeOss(Loopback):
    """A region of OSS with its buckets, on loopback.

    A bucket is named by the path, since the host is an address; by the first part of the host, where that is a name.

    Args:
        keys: The access keys by their ids.
        tls: Serves https with it.
        port: The port; 0 for any.
        remember: Whether it remembers what was asked.

    Attributes:
        buckets: By name.
        gate: Who is let in.
        page: How many names a listing has at most.
    """

    def __init__(
        self, keys: dict[str, AccessKey], tls: ssl.SSLContext | None = None, *, port: int = 0, remember: bool = True
    ) -> None:
        super().__init__(tls, port=port, remember=remember)
        self.buckets: dict[str, Bucket] = {}
        self.gate = Gate(REGION, keys)
        self.page = 1000
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """What OSS answers."""
        try:
            name, key = _named(request)
            self.gate.check(request, f"/{name}/{key}")
            operation = _operation(request, key)
            with self._lock:
                answer = self._run(operation, name, key, request)
        except RefusalError as refusal:
            headers = {"Content-Type": "application/xml"}
            if request.method == "HEAD":
                headers["x-oss-err"] = base64.b64encode(refusal.body).decode()
            return Answer(status=refusal.status, body=refusal.body, headers=headers)
        return replace(answer, headers={"Content-Type": "application/xml", **answer.headers})

    def _run(self, operation: str, name: str, key: str, request: Request) -> Answer:
        if operation == "PutBucket":
            return self._put_bucket(name)
        bucket = self.buckets.get(name)
        if bucket is None:
            raise RefusalError(404, "NoSuchBucket", "The specified bucket does not exist.", BucketName=name)
        run = {
            "PutBucketVersioning": lambda: _put_versioning(bucket, request),
            "GetBucketVersioning": lambda: _get_versioning(bucket),
            "ListObjectsV2": lambda: list_objects(bucket, request, page=self.page),
            "ListMultipartUploads": lambda: uploads.list_uploads(bucket, request, page=self.page),
            "DeleteMultipleObjects": lambda: objects.delete_objects(bucket, request),
            "GetObject": lambda: objects.get_object(bucket, key, request),
            "HeadObject": lambda: objects.get_object(bucket, key, request),
            "PutObject": lambda: objects.put_object(bucket, key, request),
            "CopyObject": lambda: objects.copy_object(bucket, name, key, request),
            "DeleteObject": lambda: objects.delete_object(bucket, key, request),
            "InitiateMultipartUpload": lambda: uploads.initiate(bucket, name, key, request),
            "UploadPart": lambda: uploads.put_part(bucket, name, key, request),
            "UploadPartCopy": lambda: uploads.put_part(bucket, name, key, request),
            "CompleteMultipartUpload": lambda: uploads.complete(bucket, key, request),
            "AbortMultipartUpload": lambda: uploads.abort(bucket, key, request),
        }
        return run[operation]()

    def _put_bucket(self, name: str) -> Answer:
        if not _BUCKET_NAME.fullmatch(name):
            raise RefusalError(400, "InvalidBucketName", "The specified bucket is not valid.")
        if name in self.buckets:
            raise RefusalError(409, "BucketAlreadyExists", "The requested bucket name is not available.")
        self.buckets[name] = Bucket()
        return Answer()


def _named(request: Request) -> tuple[str, str]:
    """The bucket and the key that a request names."""
    if request.method in {"PUT", "POST"} and "content-length" not in request.headers:
        raise RefusalError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    path = unquote(request.path, errors="strict")[1:]
    try:
        ip_address(host)
    except ValueError:
        return host.partition(".")[0], path
    name, _, key = path.partition("/")
    if not name:
        raise RefusalError(400, "InvalidBucketName", "No bucket is named.")
    return name, key


def _operation(request: Request, key: str) -> str:
    """The operation that a request is.

    Raises:
        RefusalError: It is none, or has what that doesn't take.
    """
    given = set(request.query) - _SIGNED_PARAMETERS
    copies = "x-oss-copy-source" in request.headers
    fitting = [
        name
        for name, one in _OPERATIONS.items()
        if one.method == request.method
        and one.on_object == bool(key)
        and one.copies == copies
        and one.needs <= given <= one.needs | one.parameters
    ]
    if len(fitting) != 1:
        raise RefusalError(
            400, "InvalidArgument", f"{request.method} takes no {', '.join(sorted(given)) or 'such request'}."
        )
    own = {name for name in request.headers if name.startswith("x-oss-")} - _SIGNED_HEADERS
    unknown = own - _OPERATIONS[fitting[0]].headers
    if unknown:
        raise RefusalError(400, "InvalidArgument", f"{fitting[0]} takes no {', '.join(sorted(unknown))}.")
    if request.query.get("list-type", "2") != "2":
        raise RefusalError(400, "InvalidArgument", "list-type is not valid.")
    return fitting[0]


def _put_versioning(bucket: Bucket, request: Request) -> Answer:
    status = ET.fromstring(request.body).findtext("Status") or ""
    if status not in {"Enabled", "Suspended"}:
        raise RefusalError(400, "IllegalVersioningConfigurationException", "The status is not valid.")
    bucket.versioning = status
    return Answer()


def _get_versioning(bucket: Bucket) -> Answer:
    status = [("Status", bucket.versioning)] if bucket.versioning else []
    return Answer(body=document("VersioningConfiguration", *status))
