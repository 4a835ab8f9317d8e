"""The JSON API of Google Cloud Storage as its documentation has it, in memory, for what the emulator doesn't heed.

That is: who asks, signatures of URLs, checksums, conditions on everything, objects that are missing from a composition
or were replaced, copies that take several requests, and content that is unpacked for who doesn't take gzip.
"""

import base64
import gzip
import hashlib
import json
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import google_crc32c
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.services.loopback import Answer, Loopback, Request, failure

__all__ = ["StrictGCS"]

_OBJECT = re.compile(r"/storage/v1/b/(?P<bucket>[^/]+)/o/(?P<key>[^/]+)(?P<action>/.*)?")
_REWRITE = re.compile(r"/rewriteTo/b/[^/]+/o/(?P<key>[^/]+)")
_MAX_SOURCES = 32


class _RefusedError(Exception):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
    key: str
    content: bytes
    generation: int
    encoding: str
    created: datetime

    @property
    def crc32c(self) -> str:
        return _checksum(self.content)

    def describe(self) -> dict[str, Any]:
        return {
            "name": self.key,
            "size": str(len(self.content)),
            "generation": str(self.generation),
            "timeCreated": self.created.isoformat().replace("+00:00", "Z"),
            "crc32c": self.crc32c,
        }


class StrictGCS(Loopback):
    """One bucket, called `bucket`.

    Attributes:
        public_key: Of the account that may sign URLs.
        tokens: Who is let in; nobody without one of these.
        rewrites: How many requests a copy takes.
        page: How many entries are examined for one page of a listing.
        objects: What is in the bucket.
    """

    def __init__(self, public_key: rsa.RSAPublicKey, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.public_key = public_key
        self.tokens = {"good"}
        self.rewrites = 1
        self.page = 1000
        self.objects: dict[str, _Object] = {}
        self._generation = 1_700_000_000_000_000
        self._lock = threading.Lock()

    def keep(self, key: str, content: bytes, *, encoding: str = "", created: datetime | None = None) -> _Object:
        """Put an object into the bucket."""
        self._generation += 1
        created = created or datetime.now(UTC)
        made = _Object(key=key, content=content, generation=self._generation, encoding=encoding, created=created)
        self.objects[key] = made
        return made

    def answer(self, request: Request) -> Answer:
        """Answer as the service does."""
        if request.path.startswith("/bucket/"):
            return self._signed(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return failure(401, "Invalid Credentials", "authError")
        with self._lock:
            try:
                return self._answer(request)
            except _RefusedError as refused:
                return refused.answer

    def _signed(self, request: Request) -> Answer:
        """The XML API, for who has a signed URL."""
        if not self._is_signed(request):
            return failure(403, "SignatureDoesNotMatch")
        found = self.objects.get(unquote(request.path.removeprefix("/bucket/")))
        return failure(404, "NoSuchKey") if found is None else _media(found, request.headers)

    def _is_signed(self, request: Request) -> bool:
        """Whether this very request was signed, by the account whose key is known, and is still good."""
        target, _, signature = request.target.rpartition("&X-Goog-Signature=")
        path, _, query = target.partition("?")
        moment = request.query["X-Goog-Date"]
        host = request.headers["host"].rpartition(":")[0]
        scope = request.query["X-Goog-Credential"].partition("/")[2]
        canonical = [request.method, path, query, f"host:{host}", "", "host", "UNSIGNED-PAYLOAD"]
        digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        text = f"GOOG4-RSA-SHA256\n{moment}\n{scope}\n{digest}".encode()
        age = datetime.now(UTC) - datetime.strptime(f"{moment}+0000", "%Y%m%dT%H%M%SZ%z")
        try:
            self.public_key.verify(bytes.fromhex(signature), text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return age <= timedelta(seconds=int(request.query["X-Goog-Expires"]))

    def _answer(self, request: Request) -> Answer:
        bucket = request.path.split("/b/")[1].split("/")[0]
        if bucket != "bucket":
            raise _RefusedError(failure(404, "The specified bucket does not exist.", "notFound"))
        if request.path.startswith("/upload/"):
            return self._upload(request)
        matched = _OBJECT.fullmatch(request.path)
        if matched is None:
            return self._list(request.query)
        key, action = unquote(matched["key"]), matched["action"] or ""
        if action == "/compose":
            return self._compose(key, json.loads(request.body))
        if rewrite := _REWRITE.fullmatch(action):
            return self._rewrite(self._find(key), unquote(rewrite["key"]), request.query)
        return self._object(key, request)

    def _object(self, key: str, request: Request) -> Answer:
        found = self._find(key)
        self._check(key, request.query)
        if request.method == "DELETE":
            del self.objects[key]
            return Answer(status=204)
        if request.query.get("alt") == "media":
            return _media(found, request.headers)
        return Answer(body=found.describe())

    def _find(self, key: str) -> _Object:
        if key not in self.objects:
            raise _RefusedError(failure(404, f"No such object: bucket/{key}", "notFound"))
        return self.objects[key]

    def _check(self, key: str, conditions: Mapping[str, Any]) -> None:
        expected = conditions.get("ifGenerationMatch")
        there = self.objects[key].generation if key in self.objects else 0
        if expected is not None and int(expected) != there:
            raise _RefusedError(
                failure(412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet")
            )

    def _upload(self, request: Request) -> Answer:
        boundary = request.headers["content-type"].partition("boundary=")[2].encode()
        _, first, rest = request.body.split(b"--" + boundary + b"\r\n", 2)
        metadata = json.loads(first.partition(b"\r\n\r\n")[2])
        content = rest.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n--" + boundary + b"--\r\n")
        self._check(metadata["name"], request.query)
        if metadata["crc32c"] != _checksum(content):
            return failure(400, "Provided CRC32C doesn't match the calculated one", "invalid")
        return Answer(body=self.keep(metadata["name"], content).describe())

    def _compose(self, key: str, request: Mapping[str, Any]) -> Answer:
        sources = request["sourceObjects"]
        if not 0 < len(sources) <= _MAX_SOURCES:
            return failure(400, "The number of source components provided is too large", "invalid")
        found = [self._find(source["name"]) for source in sources]
        for source in sources:
            self._check(source["name"], source["objectPreconditions"])
        return Answer(body=self.keep(key, b"".join(each.content for each in found)).describe())

    def _rewrite(self, source: _Object, key: str, query: Mapping[str, str]) -> Answer:
        step = int(query.get("rewriteToken", "0")) + 1
        if step < self.rewrites:
            return Answer(body={"kind": "storage#rewriteResponse", "done": False, "rewriteToken": str(step)})
        self.keep(key, source.content, encoding=source.encoding)
        return Answer(body={"kind": "storage#rewriteResponse", "done": True})

    def _list(self, query: Mapping[str, str]) -> Answer:
        """Examine so many names from the token on, and answer what of them is wanted: perhaps nothing."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        start = max(query.get("startOffset", ""), prefix)
        names = sorted(name for name in self.objects if name >= start and name.startswith(prefix))
        entries: list[str] = []
        for name in names:
            head, slash, _ = name[len(prefix) :].partition("/") if delimiter else (name[len(prefix) :], "", "")
            entry = prefix + head + slash
            if entry not in entries:
                entries.append(entry)
        begin = int(query.get("pageToken", "0"))
        end = begin + min(self.page, int(query.get("maxResults", "1000")))
        page = entries[begin:end]
        body: dict[str, Any] = {
            "items": [self.objects[entry].describe() for entry in page if not (delimiter and entry.endswith("/"))],
            "prefixes": [entry for entry in page if delimiter and entry.endswith("/")],
        }
        if end < len(entries):
            body["nextPageToken"] = str(end)
        return Answer(body={name: value for name, value in body.items() if value})


def _checksum(content: bytes) -> str:
    return base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()


def _media(found: _Object, headers: Mapping[str, str]) -> Answer:
    described = {
        "Content-Type": "application/octet-stream",
        "Last-Modified": format_datetime(found.created, usegmt=True),
        "X-Goog-Generation": str(found.generation),
        "X-Goog-Hash": f"crc32c={found.crc32c},md5=not-looked-at",
        "X-Goog-Stored-Content-Encoding": found.encoding or "identity",
        "X-Goog-Stored-Content-Length": str(len(found.content)),
    }
    if found.encoding and found.encoding not in headers.get("accept-encoding", ""):
        return Answer(body=gzip.decompress(found.content), headers=described)
    if found.encoding:
        described["Content-Encoding"] = found.encoding
    if "range" not in headers:
        return Answer(body=found.content, headers=described)
    first, _, last = headers["range"].removeprefix("bytes=").partition("-")
    begin, size = int(first), len(found.content)
    if begin >= size:
        return failure(416, "The requested range cannot be satisfied.", "requestedRangeNotSatisfiable")
    end = min(int(last) + 1 if last else size, size)
    described["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    return Answer(status=206, body=found.content[begin:end], headers=described)
