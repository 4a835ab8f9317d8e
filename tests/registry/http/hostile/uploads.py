"""Uploads: states that are forged or another's, and chunks that can't be."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.registry.client import NAME, digest_of
from tests.registry.http.hostile.stage import BLOB, DIGEST, OPEN_UUID, open_location, sealed, uuid_of
from tests.registry.http.hostile.wire import Row, chunked, request

__all__ = ["ROWS"]

UPLOADS = f"/v2/{NAME}/blobs/uploads"
STATE = sealed(OPEN_UUID, stored=True)
_RAW = base64.urlsafe_b64decode(STATE + "=" * (-len(STATE) % 4))


def _coded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


STATES = {
    "empty": "",
    "a letter": "A",
    "padding": "====",
    "not base64": "%7b%22a%22%3a1%7d",
    "not ASCII": "%ff%fe",
    "a zero byte": STATE + "%00",
    "traversal": "../../etc/passwd",
    "traversal, encoded": "%2e%2e%2f%2e%2e%2fetc",
    "traversal, encoded twice": "%252e%252e%252f",
    "cut by one": STATE[:-1],
    "cut by half": STATE[: len(STATE) // 2],
    "cut to the signature": _coded(_RAW[:32]),
    "the state without a signature": _coded(_RAW[32:]),
    "a signature of zero bytes": _coded(bytes(32) + _RAW[32:]),
    "another byte in the signature": _coded(bytes([_RAW[0] ^ 1]) + _RAW[1:]),
    "another byte in the state": _coded(_RAW[:40] + bytes([_RAW[40] ^ 1]) + _RAW[41:]),
    "bytes after it": _coded(_RAW + b" "),
    "twice": STATE + STATE,
    "signed by somebody else": sealed(OPEN_UUID, stored=True, secret="another secret"),
    "signed with nothing": sealed(OPEN_UUID, stored=True, secret=""),
    "another repository's": sealed(OPEN_UUID, stored=True, name="other"),
    "another upload's": sealed(uuid_of("another"), stored=True),
    "long": "A" * 60_000,
    "longer than any": sealed(OPEN_UUID, stored=True, resume_token="x" * 10_000),
}
# Signed as they should be, of what was never stored, or isn't any more.
LOST = {
    "nothing is stored of it": sealed(uuid_of("lost"), stored=True),
    "begun in the year 1": sealed(uuid_of("lost"), stored=True, started=datetime(1, 1, 1, tzinfo=UTC)),
    "begun in the year 9999": sealed(uuid_of("lost"), stored=True, started=datetime(9999, 12, 31, tzinfo=UTC)),
    "a driver's token of garbage": sealed(uuid_of("lost"), stored=True, resume_token="\x00../../x"),
}
RANGES: dict[str, str | bytes] = {
    "with a unit": "bytes 0-13",
    "with a size": "0-13/14",
    "reversed": "5-2",
    "negative": "-1-2",
    "one number": "0",
    "empty": "",
    "no number": "a-b",
    "signed": "+0-+13",
    "hexadecimal": "0x0-0xd",
    "spaces": "0 - 13",
    "a list": "0-1,2-3",
    "a fraction": "0.0-13.0",
    "twenty digits": "0-99999999999999999999",
    "5,000 digits": "0-" + "9" * 5000,
    "500,000 digits": "9" * 500_000 + "-" + "9" * 500_000,
    "superscripts": b"0-\xb9\xb3",
    "Arabic digits": b"0-\xd9\xa3",
    "not ASCII": b"\xff-\xfe",
}


def _states() -> Iterator[Row]:
    for what, state in STATES.items():
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            target = f"{UPLOADS}/{OPEN_UUID}?_state={state}&digest={DIGEST}"
            sent = request(method, target, body=BLOB if method.startswith("P") else None)
            yield Row(f"state, {method}: {what}", sent, 404, "BLOB_UPLOAD_UNKNOWN")
    for what, state in LOST.items():
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            target = f"{UPLOADS}/{uuid_of('lost')}?_state={state}&digest={DIGEST}"
            sent = request(method, target, body=BLOB if method.startswith("P") else None)
            yield Row(f"state, {method}: {what}", sent, 404, "BLOB_UPLOAD_UNKNOWN")
    elsewhere = open_location().replace(NAME, "other")
    yield Row("state: at another repository", request("GET", elsewhere), 404, "BLOB_UPLOAD_UNKNOWN")


def _chunks() -> Iterator[Row]:
    for what, value in RANGES.items():
        field = b"Content-Range: " + (value if isinstance(value, bytes) else value.encode())
        for method, more in (("PATCH", ""), ("PUT", f"&digest={DIGEST}")):
            sent = request(method, open_location() + more, field, body=BLOB)
            yield Row(f"chunk, {method}: {what}", sent, 400, "BLOB_UPLOAD_INVALID")
    twice = request("PATCH", open_location(), "Content-Range: 14-15", "Content-Range: 0-1", body=b"xy")
    yield Row("chunk: two ranges", twice, 400, "BLOB_UPLOAD_INVALID")
    for start in (0, 13, 15, 2**31, 2**63 - 1, 2**63, 10**19 - 2):
        at = f"Content-Range: {start}-{start + 1}"
        for method, more in (("PATCH", ""), ("PUT", f"&digest={DIGEST}")):
            sent = request(method, open_location() + more, at, body=b"xy")
            yield Row(f"chunk, {method}: at {start}", sent, 416, "BLOB_UPLOAD_INVALID")
            fresh = uuid_of(f"{method} {start}")
            if start:
                target = f"{UPLOADS}/{fresh}?_state={sealed(fresh)}{more}"
                yield Row(
                    f"first chunk, {method}: at {start}",
                    request(method, target, at, body=b"xy"),
                    416,
                    "BLOB_UPLOAD_INVALID",
                )
    for what, value in {"shorter": "0-0", "longer": "0-2", "64 bits longer": "0-9223372036854775807"}.items():
        fresh = uuid_of(f"chunk {what}")
        target = f"{UPLOADS}/{fresh}?_state={sealed(fresh)}"
        sent = request("PATCH", target, f"Content-Range: {value}", body=b"xy")
        yield Row(f"chunk: {what} than its body", sent, 400, "SIZE_INVALID")
        sent = request("PATCH", target, f"Content-Range: {value}", "Transfer-Encoding: chunked") + chunked(b"xy")
        yield Row(f"chunk: {what} than its chunked body", sent, 400, "SIZE_INVALID", keeps=True)


def _parameters() -> Iterator[Row]:
    fresh = uuid_of("parameters")
    target = f"{UPLOADS}/{fresh}?_state={sealed(fresh)}"
    for what, query in {
        "no digest": "",
        "an empty digest": "&digest=",
        "a digest without a value": "&digest",
        "a digest with another key": f"&Digest={DIGEST}",
        "a digest of an array": f"&digest[]={DIGEST}",
        "a digest behind a semicolon": f";digest={DIGEST}",
        "an encoded ampersand": f"%26digest={DIGEST}",
    }.items():
        code = "BLOB_UPLOAD_UNKNOWN" if what.endswith(("semicolon", "ampersand")) else "DIGEST_INVALID"
        sent = request("PUT", target + query, body=BLOB)
        yield Row(f"finish: {what}", sent, 404 if code == "BLOB_UPLOAD_UNKNOWN" else 400, code)
    absent = digest_of(b"absent")
    both = request("PUT", f"{target}&digest={absent}&digest={DIGEST}", body=b"absent")
    yield Row("finish: two digests", both, 400, "UNSUPPORTED")
    both = request("PUT", f"{target}&digest={absent}&_state={sealed(OPEN_UUID)}", body=b"absent")
    yield Row("finish: two states", both, 400, "UNSUPPORTED")
    for what, query in {
        "an algorithm that is unknown": "digest-algorithm=md5",
        "an algorithm that is long": "digest-algorithm=" + "a" * 60_000,
        "an algorithm of hashlib's": "digest-algorithm=shake_128",
    }.items():
        yield Row(f"begin: {what}", request("POST", f"{UPLOADS}/?{query}", body=b""), 400, "DIGEST_INVALID")
    for what, query in {
        "a digest that is unknown": f"mount={absent}&from={NAME}",
        "an unknown repository": f"mount={absent}&from=none",
        "no repository": f"mount={absent}",
        "an empty repository": f"mount={absent}&from=",
        "nothing": f"from={NAME}",
        "a mount and a digest": f"mount={absent}&from={NAME}&digest={DIGEST}",
    }.items():
        # The spec: what can't be mounted is begun as an upload, of which nothing is stored.
        yield Row(f"mount: {what}", request("POST", f"{UPLOADS}/?{query}", body=b""), 202)
    two = request("POST", f"{UPLOADS}/?mount={DIGEST}&from={NAME}&from=other", body=b"")
    yield Row("mount: two repositories", two, 400, "UNSUPPORTED")
    yield Row("begin: not with an identity", request("POST", f"{UPLOADS}/{OPEN_UUID}", body=b""), 405, "UNSUPPORTED")


ROWS = [*_states(), *_chunks(), *_parameters()]
