"""The parsers of what clients send: manifests, digests, names, ranges, pages, upload states, negotiation, addresses."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from functools import cache

from starlette.requests import Request

from fuzz.target import Target
from holdfast.registry.errors import UploadUnknownError
from holdfast.registry.http.conditions import is_unmodified, range_applies
from holdfast.registry.http.errors import ApiError, error_response
from holdfast.registry.http.negotiation import accepted_types, accepts, default_platform_digest
from holdfast.registry.http.pagination import parse_page
from holdfast.registry.http.ranges import UnsatisfiableRangeError, parse_chunk_range, parse_range
from holdfast.registry.http.references import check_name, check_tag, digest_of
from holdfast.registry.http.urls import Urls
from holdfast.registry.model.digest import DigestError, parse_digest
from holdfast.registry.model.manifest import ManifestError, parse_manifest
from holdfast.registry.model.reference import is_name, is_tag
from holdfast.registry.model.validation import ManifestValidation, check_pushed
from holdfast.registry.store import paths
from holdfast.registry.store.catalog import list_repositories
from holdfast.registry.store.upload_state import UploadState, seal, unseal
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.layers import compose

__all__ = ["TARGETS"]

_DIGEST = "sha256:" + "0123456789abcdef" * 4
_DESCRIPTOR = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": _DIGEST, "size": 3}
_IMAGE = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": _DESCRIPTOR,
    "layers": [_DESCRIPTOR],
    "subject": _DESCRIPTOR,
    "annotations": {"a": "b"},
}
_LIST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
    "manifests": [_DESCRIPTOR | {"platform": {"architecture": "amd64", "os": "linux"}}],
}
_NAME, _UUID, _SECRET = "library/app", "01234567-89ab-cdef-0123-456789abcdef", b"a secret"
_STATE = UploadState(name=_NAME, uuid=_UUID, started=datetime(2026, 1, 1, tzinfo=UTC))
_SEALED = seal(_STATE, _SECRET)
_REPOSITORIES = ("a", "a-b", "a-b/c", "a.b", "a/b", "a/b/c", "a0", "b", "library/app", "z/z/z")


def _request(*fields: tuple[bytes, bytes], query: bytes = b"") -> Request:
    scope = {"type": "http", "method": "GET", "scheme": "http", "headers": list(fields), "query_string": query}
    return Request(scope)


def _manifest(data: bytes) -> None:
    """Read, or refused in words that can be sent; what is read is the same when it is written and read again."""
    try:
        manifest = parse_manifest(data)
    except ManifestError as error:
        error_response(ApiError("MANIFEST_INVALID", str(error)))
        return
    try:
        check_pushed(data, manifest, ManifestValidation())
    except ManifestError as error:
        error_response(ApiError("MANIFEST_INVALID", str(error)))
        return
    again = parse_manifest(json.dumps(json.loads(data)).encode())
    if (again, parse_manifest(data)) != (manifest, manifest):
        raise AssertionError(f"read differently the second time: {manifest} and {again}")
    if manifest.media_type != parse_manifest(data, manifest.media_type).media_type:
        raise AssertionError("the type that it has can't be announced")
    default_platform_digest(manifest)


def _digest(data: bytes) -> None:
    """A digest is the text it was read from; what isn't one is refused in words that can be sent."""
    text = data.decode("utf-8", "replace")
    try:
        digest = parse_digest(text)
    except DigestError:
        with contextlib.suppress(ApiError):
            digest_of(text)
        return
    if str(digest) != text or ".." in paths.blob_data(digest):
        raise AssertionError(f"{text!r} became {digest!r}")


def _reference(data: bytes) -> None:
    """What passes for a name or a tag stays below its directory, and is ASCII."""
    text = data.decode("utf-8", "replace")
    for test, check in ((is_name, check_name), (is_tag, check_tag)):
        accepted = test(text)
        try:
            check(text)
        except ApiError as error:
            error_response(error)
            if accepted:
                raise
        if accepted and (not text.isascii() or {".", "..", ""} & set(text.split("/")) or len(text) > 255):
            raise AssertionError(f"{test.__name__} accepts {text!r}")


def _ranges(data: bytes) -> None:
    """A range lies in the content; a chunk's isn't empty."""
    text = data.decode("latin-1")
    for size in (0, 1, 10, 2**63):
        for header in (text, f"bytes={text}"):
            with contextlib.suppress(UnsatisfiableRangeError):
                part = parse_range(header, size)
                if part is not None and not 0 <= part.start <= part.last < size:
                    raise AssertionError(f"{header!r} of {size} became {part}")
    chunk = parse_chunk_range(text)
    if chunk is not None and not 0 <= chunk.start <= chunk.last:
        raise AssertionError(f"{text!r} became {chunk}")


def _pagination(data: bytes) -> None:
    """A number is in bounds; a listing goes on after any text, in order."""
    for query in (data, b"n=" + data, b"last=" + data):
        try:
            page = parse_page(_request(query=query))
        except ApiError as error:
            error_response(error)
            continue
        if page.limit is not None and not 0 <= page.limit < 10**18:
            raise AssertionError(f"{query!r} became {page}")
        expected = [name for name in _REPOSITORIES if page.last is None or name > page.last]
        if expected != (found := _catalog(page.last)):
            raise AssertionError(f"after {page.last!r}: {found}, not {expected}")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _stored() -> InMemoryDriver:
    return InMemoryDriver()


def _catalog(last: str | None) -> list[str]:
    async def listed() -> list[str]:
        driver = compose(_stored())
        if not _filled:
            for name in _REPOSITORIES:
                await driver.put_content(paths.repository(name) + "/_manifests/revisions/x", b"x")
            _filled.append(True)
        return [name async for name in list_repositories(driver, last=last)]

    return _loop().run_until_complete(listed())


_filled: list[bool] = []


def _upload_state(data: bytes) -> None:
    """Only what was sealed for this upload is unsealed."""
    for text in (data.decode("latin-1"), data.decode("utf-8", "replace")):
        with contextlib.suppress(UploadUnknownError):
            if unseal(text, _SECRET, name=_NAME, uuid=_UUID) != _STATE:
                raise AssertionError(f"{text!r} was never sealed")


def _negotiation(data: bytes) -> None:
    """Any header is read; the types in it are in lower case and bare; any conditions have an answer."""
    text = data.decode("latin-1")
    for accepted in accepted_types(text):
        if accepted != accepted.strip().lower() or not accepted or "," in accepted:
            raise AssertionError(f"{text!r} accepts {accepted!r}")
    accepts(text, "application/vnd.oci.image.index.v1+json")
    request = _request((b"if-none-match", data), (b"if-range", data))
    is_unmodified(request, _DIGEST)
    range_applies(request, _DIGEST)


def _forwarded(data: bytes) -> None:
    """Whatever a proxy says, a URL is a path or begins with a scheme and a host, and breaks no line."""
    for name in (b"forwarded", b"x-forwarded-host", b"x-forwarded-proto", b"host"):
        located = Urls().locate(_request((name, data)), "/v2/")
        host = located.removesuffix("/v2/").partition("://")[2]
        if not located.isascii() or not located.isprintable() or " " in located or "/" in host or "@" in host:
            raise AssertionError(f"{name!r}: {data!r} became {located!r}")


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


TARGETS = [
    Target(
        name="manifest", check=_manifest, seeds=[_json(_IMAGE), _json(_LIST), b'{"schemaVersion":2}', b"[[[[", b"{}"]
    ),
    Target(name="digest", check=_digest, seeds=[_DIGEST.encode(), b"sha512:" + b"a" * 128, b"md5:a"]),
    Target(name="reference", check=_reference, seeds=[b"library/app", b"a__b-c.d/e", b"latest", b"../..", b"a-" * 20]),
    Target(name="ranges", check=_ranges, seeds=[b"bytes=0-1", b"0-9", b"-5", b"1-", b"0-1,2-3"]),
    # The catalog is listed for each, three times.
    Target(name="pagination", check=_pagination, seeds=[b"n=1&last=a", b"a-b", b"a/b/", b"-1"], seconds_per_byte=50e-6),
    Target(name="upload-state", check=_upload_state, seeds=[_SEALED.encode(), _SEALED[:-1].encode(), b"AAAA"]),
    Target(name="negotiation", check=_negotiation, seeds=[b"a/b;q=0.5, */*", b'W/"x", *', _DIGEST.encode()]),
    Target(
        name="forwarded", check=_forwarded, seeds=[b'for=1.2.3.4;host="a:1";proto=https, for=b', b"a.test:80", b"[::1]"]
    ),
]
