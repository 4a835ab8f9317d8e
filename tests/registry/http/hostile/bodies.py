"""Bodies that end early, never end, or are announced as something else."""

from collections.abc import Iterator

from tests.registry.client import NAME, digest_of
from tests.registry.http.hostile.stage import BLOB, DIGEST, IMAGE, sealed, uuid_of
from tests.registry.http.hostile.wire import Row, chunked, request

__all__ = ["ROWS"]

MANIFESTS = f"/v2/{NAME}/manifests"
UPLOADS = f"/v2/{NAME}/blobs/uploads"
LARGE = bytes(3 * 1024 * 1024)
CHUNKED = "Transfer-Encoding: chunked"

# Where bodies go; of an upload's chunk, what arrives is kept, so that its client can go on.
PLACES = {
    "push": ("POST", f"{UPLOADS}/?digest={DIGEST}", False),
    "large push": ("POST", f"{UPLOADS}/?digest={digest_of(LARGE)}", False),
    "manifest": ("PUT", f"{MANIFESTS}/new", False),
    "chunk": ("PATCH", "", True),
    "only chunk": ("PUT", f"&digest={DIGEST}", False),
}
BROKEN_CHUNKS = {
    "no size": b"\r\nabc\r\n",
    "a size that is no number": b"zz\r\nabc\r\n",
    "a negative size": b"-1\r\nabc\r\n",
    "a size beyond 64 bits": b"fffffffffffffffff\r\nabc\r\n",
    "a prefixed size": b"0x3\r\nabc\r\n",
    "a size too small": b"1\r\nabc\r\n0\r\n\r\n",
    "a size too large": b"5\r\nabc\r\n0\r\n\r\n",
    "a bare line feed": b"3\nabc\n0\n\n",
    "an endless extension": b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n",
    "a broken trailer": chunked(b"abc", end=False) + b"0\r\nX Y\r\n\r\n",
    "endless trailers": chunked(b"abc", end=False) + b"0\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
}


def _target(target: str, what: str) -> str:
    """The place's target; of an upload, one of its own for each row."""
    if target.startswith("/"):
        return target
    uuid = uuid_of(what)
    return f"{UPLOADS}/{uuid}?_state={sealed(uuid)}{target}"


def _ended() -> Iterator[Row]:
    """The client goes away: there is nobody to answer."""
    for where, (method, target, keeps) in PLACES.items():
        content = LARGE if where == "large push" else BLOB
        for what, arrived in {
            "nothing": b"",
            "half": content[: len(content) // 2],
            "all but one": content[:-1],
        }.items():
            label = f"left, {where}: {what} arrived"
            sent = request(method, _target(target, label), f"Content-Length: {len(content)}") + arrived
            yield Row(label, sent, None, leaves=True, keeps=keeps)
            label = f"left, {where}, chunked: {what} arrived"
            sent = request(method, _target(target, label), CHUNKED) + (chunked(arrived, end=False) if arrived else b"")
            yield Row(label, sent, None, leaves=True, keeps=keeps)
        label = f"left, {where}: in a chunk"
        sent = request(method, _target(target, label), CHUNKED) + b"%x\r\n" % len(content) + content[:-1]
        yield Row(label, sent, None, leaves=True, keeps=keeps)
    yield Row("left: in the header", b"GET /v2/ HTTP/1.1\r\nHost", None, leaves=True)
    yield Row("left: at once", b"", None, leaves=True)
    blob = request("GET", f"/v2/{NAME}/blobs/{DIGEST}")
    yield Row("left: before the answer", blob, None, leaves=True)
    yield Row("left: before 1,000 answers", blob.replace(b"Connection: close\r\n", b"") * 1000, None, leaves=True)


def _broken() -> Iterator[Row]:
    for where, (method, target, keeps) in PLACES.items():
        for what, body in BROKEN_CHUNKS.items():
            label = f"chunks, {where}: {what}"
            sent = request(method, _target(target, label), CHUNKED) + body
            yield Row(label, sent, 408, "BLOB_UPLOAD_INVALID", keeps=keeps)


def _lying() -> Iterator[Row]:
    """The body is whole, and isn't what was said of it."""
    other = b"something else"
    for where, (method, target, _) in PLACES.items():
        if where in {"push", "large push"}:
            yield Row(f"digest lies: {where}", request(method, target, body=other), 400, "DIGEST_INVALID")
            sent = request(method, target, CHUNKED) + chunked(*[LARGE[:1000]] * 2000)
            yield Row(f"digest lies: {where}, chunked", sent, 400, "DIGEST_INVALID")
    fresh = uuid_of("digest lies")
    target = f"{UPLOADS}/{fresh}?_state={sealed(fresh)}&digest={DIGEST}"
    yield Row("digest lies: upload in one", request("PUT", target, body=other), 400, "DIGEST_INVALID")
    yield Row("digest lies: nothing sent", request("PUT", target, body=b""), 400, "DIGEST_INVALID")
    expected = request("PUT", f"{MANIFESTS}/{DIGEST}", "Expect: 100-continue", body=IMAGE.manifest)
    yield Row("expectation: to go on", expected, 400, "DIGEST_INVALID")
    refused = request("PUT", f"{MANIFESTS}/.x", "Expect: 100-continue", f"Content-Length: {1 << 40}")
    yield Row("expectation: refused before the body", refused, 400, "TAG_INVALID")
    strange = request("PUT", f"{MANIFESTS}/.x", "Expect: a miracle", body=b"x")
    yield Row("expectation: of something else", strange, 400, "TAG_INVALID")
    with_body = request("GET", f"/v2/{NAME}/blobs/{DIGEST}", body=b"x" * 100)
    yield Row("a body of a GET", with_body, 200, content=BLOB)
    yield Row("a body of a DELETE", request("DELETE", f"{MANIFESTS}/none", body=b"x" * 100), 404, "MANIFEST_UNKNOWN")
    yield Row("a body of a chunked GET", request("GET", "/v2/x", CHUNKED) + chunked(b"x"), 404, "UNSUPPORTED")
    yield Row("a body nobody wants", request("POST", "/v2/", body=LARGE), 405, "UNSUPPORTED")
    large = request("PUT", f"{MANIFESTS}/new", f"Content-Length: {4 * 1024 * 1024 + 1}")
    yield Row("a manifest too large", large, 413, "SIZE_INVALID")
    large = request("PUT", f"{MANIFESTS}/new", CHUNKED) + chunked(*[LARGE] * 2, end=False)
    yield Row("a manifest too large, chunked", large, 413, "SIZE_INVALID")


ROWS = [*_ended(), *_broken(), *_lying()]
