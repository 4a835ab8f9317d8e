"""Header fields, methods and targets: twice, contradicting one another, odd, or out of all bounds."""

from collections.abc import Iterator

from tests.registry.client import NAME, OCI_MANIFEST
from tests.registry.http.hostile.stage import BLOB, DIGEST, IMAGE
from tests.registry.http.hostile.wire import Row, chunked, request

__all__ = ["ROWS"]

BLOBS = f"/v2/{NAME}/blobs"
MANIFESTS = f"/v2/{NAME}/manifests"
UPLOADS = f"/v2/{NAME}/blobs/uploads"
WHOLE = f"{UPLOADS}/?digest={DIGEST}"
LAST = len(BLOB) - 1

# Ranges that must be passed over: the whole blob is the answer (RFC 9110, section 14.2).
IGNORED_RANGES: dict[str, str | bytes] = {
    "of another unit": "lines=0-1",
    "without a unit": "0-1",
    "negative": "bytes=-1-2",
    "empty": "bytes=",
    "a dash": "bytes=-",
    "no number": "bytes=a-b",
    "signed": "bytes=+0-+1",
    "hexadecimal": "bytes=0x0-0x1",
    "fractions": "bytes=0.0-1.0",
    "of 5,000 digits": "bytes=0-" + "9" * 5000,
    "of 500,000 digits": "bytes=" + "9" * 500_000 + "-",
    "with an inner space": "bytes=0 - 1",
    "with superscripts": b"bytes=0-\xb2",
    "with Arabic digits": b"bytes=0-\xd9\xa3",
    "not ASCII": b"bytes=\xff-\xfe",
    "two": "bytes=0-0,2-2",
    "two that overlap": "bytes=0-,0-",
    "20,000": "bytes=" + ",".join(["0-0"] * 20_000),
    "20,000 to the end": "bytes=" + ",".join(["0-"] * 20_000),
    "a list of nothing": "bytes=,,,,",
}
UNSATISFIABLE_RANGES: dict[str, str | bytes] = {
    "reversed": "bytes=4-2",
    "reversed, huge": "bytes=9999999999999999999-0",
    "after the end": f"bytes={LAST + 1}-",
    "far after the end": "bytes=9223372036854775807-9223372036854775808",
    "beyond 64 bits": "bytes=9999999999999999999-",
    "the last nothing": "bytes=-0",
}
IF_RANGES: dict[str, str | bytes] = {
    "empty": "",
    "a quote": '"',
    "not ASCII": b"\xff\xfe",
    "a list": f'"{DIGEST}", "{DIGEST}"',
    "any": "*",
    "long": '"' * 100_000,
    "a date of no calendar": "Mon, 99 Foo 99999 99:99:99 GMT",
}
IF_NONE_MATCHES: dict[str, str | bytes] = {
    "empty": "",
    "quotes": '"""""',
    "commas": "," * 100_000,
    "not ASCII": b"\xff\xfe",
    "weak twice": f'W/W/"{DIGEST}"',
    "part of it": f'"{DIGEST[:-1]}"',
    "stars": "**",
}


def _ranges() -> Iterator[Row]:
    target = f"{BLOBS}/{DIGEST}"
    for what, value in IGNORED_RANGES.items():
        yield Row(f"range: {what}", request("GET", target, _field("Range", value)), 200, content=BLOB)
    for what, value in UNSATISFIABLE_RANGES.items():
        yield Row(f"range: {what}", request("GET", target, _field("Range", value)), 416, "SIZE_INVALID")
    for what, value in IF_RANGES.items():
        sent = request("GET", target, "Range: bytes=0-0", _field("If-Range", value))
        yield Row(f"If-Range: {what}", sent, 200, content=BLOB)
    for what, value in IF_NONE_MATCHES.items():
        yield Row(f"If-None-Match: {what}", request("GET", target, _field("If-None-Match", value)), 200, content=BLOB)
        sent = request("GET", f"{MANIFESTS}/latest", _field("If-None-Match", value))
        yield Row(f"If-None-Match, manifest: {what}", sent, 200, content=IMAGE.manifest)
    two = request("GET", target, "Range: bytes=0-0", "Range: bytes=1-1")
    yield Row("range: two fields", two, 200, content=BLOB)
    yield Row(
        "range: cut at the end", request("GET", target, "Range: bytes=1-9223372036854775808"), 206, content=BLOB[1:]
    )
    twenty = request("GET", target, "Range: bytes=0-99999999999999999999")
    yield Row("range: of twenty digits", twenty, 206, content=BLOB)
    yield Row("range: longer than all", request("GET", target, "Range: bytes=-9223372036854775808"), 206, content=BLOB)


ACCEPTS: dict[str, str | bytes] = {
    "separators": ",;,;,;",
    "long": "a/b;q=1," * 100_000,
    "not ASCII": b"\xff/\xfe",
    "all refused": "application/vnd.oci.image.manifest.v1+json;q=0",
    "another type": "text/html",
}


def _lengths() -> Iterator[Row]:
    """Lengths of bodies, as the server sees them; what it can't make sense of never reaches the registry."""
    lengths: dict[str, str | bytes] = {
        "negative": "-1",
        "signed": "+1",
        "no number": "one",
        "hexadecimal": "0x1",
        "a fraction": "1.0",
        "a list that contradicts itself": "1, 2",
        "beyond 64 bits": "99999999999999999999",
        "of 5,000 digits": "9" * 5000,
        "not ASCII": b"\xd9\xa3",
        "empty": "",
    }
    for what, value in lengths.items():
        yield Row(
            f"length: {what}", request("PUT", f"{MANIFESTS}/new", _field("Content-Length", value)), 400, by_server=True
        )
    two = request("PUT", f"{MANIFESTS}/new", "Content-Length: 1", "Content-Length: 2") + b"xx"
    yield Row("length: two that differ", two, 400, by_server=True)
    huge = request("PUT", f"{MANIFESTS}/new", "Content-Length: 18446744073709551614")
    yield Row("length: huge", huge, 431, by_server=True)
    large = request("PUT", f"{MANIFESTS}/new", "Content-Length: 9223372036854775807")
    yield Row("length: larger than a manifest", large, 413, "SIZE_INVALID")
    smuggled = request("GET", f"{BLOBS}/{DIGEST}")
    both = (
        request("PUT", f"{MANIFESTS}/new", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + smuggled
    )
    yield Row("length: and chunks", both, 400, "MANIFEST_INVALID")
    both = (
        request("PUT", f"{MANIFESTS}/new", "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n" + smuggled
    )
    yield Row("chunks: and a length", both, 400, "MANIFEST_INVALID")
    for what, value in {
        "unknown": "gzip",
        "chunked and not last": "chunked, gzip",
        "misspelt": "xchunked",
        "with a tab": "\x0bchunked",
        "in quotes": '"chunked"',
    }.items():
        sent = request("PUT", f"{MANIFESTS}/new", f"Transfer-Encoding: {value}") + chunked(b"x")
        yield Row(f"transfer encoding: {what}", sent, 400, by_server=True)
    old = request("PUT", f"{MANIFESTS}/new", "Transfer-Encoding: chunked", version="1.0") + chunked(b"x")
    yield Row("transfer encoding: in HTTP/1.0", old, 400, by_server=True)


def _malformed() -> Iterator[Row]:
    fields: dict[str, str | bytes] = {
        "a space in a name": "X Y: 1",
        "a space after a name": "Range : bytes=0-0",
        "no colon": "Range",
        "no name": ": x",
        "a name that isn't ASCII": b"X-\xff: 1",
        "a zero byte in a name": b"X-\x00: 1",
        "a zero byte in a value": b"Range: bytes=0-0\x00",
        "a control in a value": b"X-Y: \x01",
        "a folded line": b"X-Y: 1\r\n 2",
        "a bare line feed within": b"X-Y: 1\rX-Z: 2",
        "parentheses": b"(X): 1",
    }
    for what, field in fields.items():
        yield Row(f"field: {what}", request("GET", f"{BLOBS}/{DIGEST}", field), 400, by_server=True)
    many = request("GET", f"{BLOBS}/{DIGEST}", *(f"X-{number}: 1" for number in range(200)))
    yield Row("field: 200 of them", many, 431, by_server=True)
    long = request("GET", f"{BLOBS}/{DIGEST}", "X: " + "x" * 6_000_000)
    yield Row("field: six megabytes", long, 431, by_server=True)
    for what, line in {
        "no version": b"GET /v2/",
        "another version": b"GET /v2/ HTTP/3.0",
        "another protocol": b"GET /v2/ FTP/1.1",
        "a space in the target": b"GET /v2/ _catalog HTTP/1.1",
        "no target": b"GET  HTTP/1.1",
        "no slash": b"GET v2/ HTTP/1.1",
        "a control in the target": b"GET /v2/\x01 HTTP/1.1",
        "a zero byte in the target": b"GET /v2/\x00 HTTP/1.1",
        "a method with a space": b"G ET /v2/ HTTP/1.1",
        "a method that isn't ASCII": b"G\xcbT /v2/ HTTP/1.1",
        "nothing": b"",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "HTTP/2": b"PRI * HTTP/2.0",
    }.items():
        yield Row(
            f"request line: {what}", line + b"\r\nHost: registry.test\r\nConnection: close\r\n\r\n", 400, by_server=True
        )
    yield Row("target: 70,000 characters", request("GET", "/v2/" + "a" * 70_000), 414, by_server=True)


def _methods() -> Iterator[Row]:
    for method in ("BREW", "get", "TRACE", "PROPFIND", "X" * 1000, "!#$"):
        for where, target in {"base": "/v2/", "blob": f"{BLOBS}/{DIGEST}", "upload": f"{UPLOADS}/"}.items():
            yield Row(f"method, {where}: {method[:12]}", request(method, target), 405, "UNSUPPORTED")
    yield Row("method: OPTIONS of everything", request("OPTIONS", "*"), 404, "UNSUPPORTED")
    yield Row("method: CONNECT", request("CONNECT", "registry.test:443"), 404, "UNSUPPORTED")
    yield Row("target: another host's", request("GET", "http://elsewhere.test/v2/_layers"), 404, "UNSUPPORTED")
    yield Row("target: another scheme's", request("GET", "ftp://elsewhere.test/etc"), 404, "UNSUPPORTED")
    yield Row("target: not ASCII", request("GET", b"/v2/\xff/tags/list"), 400, by_server=True)
    yield Row("target: not ASCII, a query", request("GET", b"/v2/_catalog?last=\xff"), 400, by_server=True)
    yield Row("target: a fragment", request("GET", "/v2/#/etc"), 200, content=b"{}")


TYPES: dict[str, str | bytes] = {
    "none that is known": "application/octet-stream",
    "no type": "manifest",
    "empty": "",
    "not ASCII": b"\xff\xfe",
    "parameters alone": "; charset=utf-8",
    "long": "a/" + "b" * 100_000,
    "of an index": "application/vnd.oci.image.index.v1+json",
    "two in one": f"{OCI_MANIFEST}, text/html",
    "version 1": "application/vnd.docker.distribution.manifest.v1+prettyjws",
}


def _types() -> Iterator[Row]:
    for what, value in TYPES.items():
        if what not in {"empty", "parameters alone"}:  # then what the manifest says of itself counts
            sent = request("PUT", f"{MANIFESTS}/new", _field("Content-Type", value), body=IMAGE.manifest)
            yield Row(f"type: {what}", sent, 400, "MANIFEST_INVALID")
    two = request(
        "PUT",
        f"{MANIFESTS}/new",
        "Content-Type: application/vnd.oci.image.index.v1+json",
        f"Content-Type: {OCI_MANIFEST}",
        body=IMAGE.manifest,
    )
    yield Row("type: two fields", two, 400, "MANIFEST_INVALID")
    for what, value in ACCEPTS.items():
        status, code = (200, None) if what in {"separators", "all refused"} else (404, "MANIFEST_UNKNOWN")
        yield Row(f"Accept: {what}", request("GET", f"{MANIFESTS}/latest", _field("Accept", value)), status, code)


def _hosts() -> Iterator[Row]:
    """What a client says of itself and of proxies ends in `Location` at most, and only if it is a host."""
    for what, fields in {
        "none": (),
        "two": ("Host: a.test", "Host: b.test"),
        "a header in it": ("Host: a.test%0d%0aX: y",),
        "credentials": ("Host: user:password@a.test",),
        "a path": ("Host: a.test/x",),
        "not ASCII": (b"Host: \xff",),
        "empty": ("Host:",),
        "long": ("Host: " + "a" * 60_000,),
        "forwarded, quotes": ('Forwarded: host="a.test\\"; X=', "Host: a.test"),
        "forwarded, unending": ('Forwarded: host="' + "\\" * 100_000, "Host: a.test"),
        "forwarded, pairs": ("Forwarded: " + "a=b;" * 100_000, "Host: a.test"),
        "forwarded, spaces": ("Forwarded: a" + " " * 100_000 + "b", "Host: a.test"),
        "forwarded by a script": ("X-Forwarded-Proto: javascript", "X-Forwarded-Host: <script>"),
        "forwarded by many": ("X-Forwarded-Host: " + "," * 100_000,),
    }.items():
        yield Row(f"host: {what}", request("PUT", WHOLE.replace("PUT", "POST"), *fields, host=None), 405, "UNSUPPORTED")
        yield Row(f"host, push: {what}", request("POST", WHOLE, *fields, body=BLOB, host=None), 201)


def _field(name: str, value: str | bytes) -> bytes:
    return f"{name}: ".encode() + (value if isinstance(value, bytes) else value.encode("latin-1"))


ROWS = [*_ranges(), *_lengths(), *_malformed(), *_methods(), *_types(), *_hosts()]
