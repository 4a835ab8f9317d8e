"""Manifests that aren't JSON, are too much of it, or lie."""

import json
from collections.abc import Iterator
from typing import Any

from tests.registry.client import DOCKER_LIST, DOCKER_MANIFEST, NAME, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of
from tests.registry.http.hostile.stage import DIGEST, IMAGE, INDEX
from tests.registry.http.hostile.wire import Row, request

__all__ = ["ROWS"]

MANIFESTS = f"/v2/{NAME}/manifests"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MIB = 1024 * 1024


def _image(**changes: Any) -> bytes:
    return json.dumps(json.loads(IMAGE.manifest) | changes).encode()


def _index(**changes: Any) -> bytes:
    return json.dumps(json.loads(INDEX.manifest) | changes).encode()


def _raw(**changes: bytes) -> bytes:
    """The image's manifest with further members, byte for byte."""
    return (
        IMAGE.manifest[:-1] + b"".join(b', "%b": %b' % (name.encode(), value) for name, value in changes.items()) + b"}"
    )


def _layer(**changes: Any) -> bytes:
    layers = json.loads(IMAGE.manifest)["layers"]
    return _image(layers=[layers[0] | changes, *layers[1:]])


def _layer_raw(name: str, value: bytes) -> bytes:
    return _layer(**{name: "placeholder"}).replace(b'"placeholder"', value)


NOT_JSON = {
    "nothing": b"",
    "a space": b" ",
    "a zero byte": b"\0",
    "a brace": b"{",
    "not UTF-8": b"\xff\xfe\xfd",
    "not UTF-8 in a text": _raw(x=b'"\xff"'),
    "not UTF-8 in a key": b'{"\xff": 1, ' + IMAGE.manifest[1:],
    "an overlong sequence": _raw(mediaType=b'"\xc0\xaf"'),
    "UTF-16": IMAGE.manifest.decode().encode("utf-16"),
    "UTF-32": IMAGE.manifest.decode().encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf" + IMAGE.manifest,
    "a lone surrogate": _layer_raw("mediaType", b'"\\ud800"'),
    "an encoded surrogate": _layer_raw("mediaType", b'"\xed\xa0\x80"'),
    "NaN": _layer_raw("size", b"NaN"),
    "infinity": _layer_raw("size", b"Infinity"),
    "a comment": b"/* */" + IMAGE.manifest,
    "a trailing comma": IMAGE.manifest[:-1] + b",}",
    "single quotes": IMAGE.manifest.replace(b'"', b"'"),
    "two documents": IMAGE.manifest * 2,
    "bytes after it": IMAGE.manifest + b"\0",
    "an array": b"[" + IMAGE.manifest + b"]",
    "a text": b'"x"',
    "null": b"null",
    "a number": b"1" * 10_000,
    "100,000 arrays": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "two million arrays": b"[" * 2 * MIB + b"]" * 2 * MIB,
    "YAML": b"schemaVersion: 2\n",
    "gzip": b"\x1f\x8b\x08\x00" + bytes(100),
    "four megabytes of zero bytes": bytes(4 * MIB),
    "four megabytes of text": b'"' + b"a" * (4 * MIB - 2) + b'"',
    "four megabytes of digits": b"9" * 4 * MIB,
    "four megabytes of spaces": b" " * 4 * MIB,
    "four megabytes of objects": b'{"schemaVersion":2,"layers":[' + b"{}," * (MIB + 1) + b"{}]}",
}
DEEP = b"[" * 100_000 + b"]" * 100_000
LIES = {
    "deep in an unknown member": _raw(x=DEEP),
    "deep in annotations": _raw(annotations=b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "deep in a descriptor": _layer_raw("data", DEEP),
    "size is negative": _layer(size=-1),
    "size is a fraction": _layer(size=1.5),
    "size is a whole fraction": _layer_raw("size", b"1.0"),
    "size has an exponent": _layer_raw("size", b"1e3"),
    "size is a text": _layer(size="1"),
    "size is true": _layer(size=True),
    "size is missing": _image(layers=[{"mediaType": LAYER, "digest": DIGEST}]),
    "size is null": _layer(size=None),
    "size is beyond 63 bits": _layer(size=2**63),
    "size is beyond 64 bits": _layer(size=2**64),
    "size has 4,000 digits": _layer_raw("size", b"9" * 4000),
    "size has a million digits": _layer_raw("size", b"9" * MIB),
    "digest is missing": _image(layers=[{"mediaType": LAYER, "size": 1}]),
    "digest is empty": _layer(digest=""),
    "digest is a number": _layer(digest=1),
    "digest of no algorithm": _layer(digest="?:" + "0" * 64),
    "digest that traverses": _layer(digest="sha256:../../../../etc/passwd"),
    "digest with a zero byte": _layer(digest=DIGEST + "\0"),
    "digest with a line break": _layer(digest=DIGEST + "\n"),
    "digest in upper case": _layer(digest=DIGEST.upper()),
    "digest of a million digits": _layer(digest="sha256:" + "a" * MIB),
    "type is missing": _image(layers=[{"digest": DIGEST, "size": 1}]),
    "type is a list": _layer(mediaType=[LAYER]),
    "layers is an object": _image(layers={}),
    "layers has null": _image(layers=[None]),
    "layers in layers": _image(layers=[[]]),
    "config is a list": _image(config=[]),
    "config is missing": json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}).encode(),
    "subject is a text": _image(subject="x"),
    "subject's size is negative": _image(subject=descriptor(b"x", OCI_MANIFEST) | {"size": -1}),
    "subject's digest is none": _image(subject=descriptor(b"x", OCI_MANIFEST) | {"digest": "x"}),
    "schemaVersion is 1": _image(schemaVersion=1),
    "schemaVersion is 3": _image(schemaVersion=3),
    "schemaVersion is a text": _image(schemaVersion="2"),
    "schemaVersion is a fraction": _image(schemaVersion=2.0),
    "schemaVersion is missing": b"{}",
    "an unknown type": _image(mediaType="text/html"),
    "a type of a megabyte": _image(mediaType="a" * MIB),
    "an index's type on an image": _image(mediaType=OCI_INDEX),
    "an image's type on an index": _index(mediaType=OCI_MANIFEST),
    "a list's type on an image": _image(mediaType=DOCKER_LIST),
    "another type than announced": _image(mediaType=DOCKER_MANIFEST),
    "an image and an index": _image(manifests=json.loads(INDEX.manifest)["manifests"]),
    "the type twice": _raw(mediaType=json.dumps(OCI_INDEX).encode()),
    "a platform that is a list": _index(manifests=[descriptor(IMAGE.manifest, OCI_MANIFEST, platform=[])]),
}
ABSENT = [f"sha256:{number:064x}" for number in range(30_000)]
UNKNOWN = {
    "a digest of an unknown algorithm": _layer(digest="md5:" + "0" * 32),
    "a layer that isn't there": _layer(digest=digest_of(b"absent")),
    "a config that isn't there": _image(config=descriptor(b"absent", "application/vnd.oci.image.config.v1+json")),
    "itself as a layer": _layer(digest=IMAGE.digest),
    "30,000 layers that aren't there": _image(layers=[{"mediaType": "", "digest": it, "size": 0} for it in ABSENT]),
}


def _rows() -> Iterator[Row]:
    for what, content in NOT_JSON.items():
        yield Row(f"not a manifest: {what}", _put("new", content), 400, "MANIFEST_INVALID")
    for what, content in LIES.items():
        announced = OCI_INDEX if content.startswith(INDEX.manifest[:80]) else OCI_MANIFEST
        yield Row(f"manifest: {what}", _put("new", content, announced), 400, "MANIFEST_INVALID")
    odd = json.loads(INDEX.manifest)["manifests"][0] | {"platform": {"x": 1, "os": "linux", "architecture": "amd64"}}
    odd_bytes = _index(manifests=[odd]).replace(b'"x"', b'"x\xcc"')
    yield Row("index: not UTF-8 in an unknown key", _put("new", odd_bytes, OCI_INDEX), 400, "MANIFEST_INVALID")
    for what, content in UNKNOWN.items():
        yield Row(f"manifest: {what}", _put("new", content), 400, "MANIFEST_BLOB_UNKNOWN")
    absent = _index(manifests=[descriptor(b"absent", OCI_MANIFEST)])
    yield Row("index: a manifest that isn't there", _put("new", absent, OCI_INDEX), 400, "MANIFEST_BLOB_UNKNOWN")
    for what, reference in {"another": DIGEST, "one of another algorithm": "sha512:" + "a" * 128}.items():
        yield Row(f"manifest: its digest is {what}", _put(reference, IMAGE.manifest), 400, "DIGEST_INVALID")


def _put(reference: str, content: bytes, media_type: str = OCI_MANIFEST) -> bytes:
    return request("PUT", f"{MANIFESTS}/{reference}", f"Content-Type: {media_type}", body=content)


ROWS = [*_rows()]
