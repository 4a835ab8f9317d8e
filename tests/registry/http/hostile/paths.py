"""Names, tags, digests and identities that lead elsewhere, are too long, or aren't what they look like."""

from collections.abc import Iterator

from tests.registry.client import NAME
from tests.registry.http.hostile.stage import BLOB, DIGEST, IMAGE, OPEN_UUID, open_location, sealed
from tests.registry.http.hostile.wire import Row, request

__all__ = ["ROWS", "SOME"]

BLOBS = f"/v2/{NAME}/blobs"
MANIFESTS = f"/v2/{NAME}/manifests"
UPLOADS = f"/v2/{NAME}/blobs/uploads"

# What stands for `..` and `/`: as it is, encoded once and twice, as a backslash, in look-alikes, in too many bytes.
NAMES = {
    "traversal": "../../etc",
    "traversal in the middle": "a/../../b",
    "traversal to itself": "a/./b",
    "traversal, encoded": "%2e%2e/%2e%2e/etc",
    "traversal, slashes encoded": "..%2f..%2fetc",
    "traversal, all encoded": "%2e%2e%2f%2e%2e%2fetc",
    "traversal, encoded twice": "%252e%252e%252fetc",
    "traversal, backslashes": "..\\..\\etc",
    "traversal, backslashes encoded": "..%5c..%5cetc",
    "traversal, full-width": "%ef%bc%8e%ef%bc%8e%ef%bc%8fetc",
    "traversal, one-dot leaders": "%e2%80%a4%e2%80%a4/etc",
    "traversal, overlong": "%c0%ae%c0%ae%c0%afetc",
    "traversal, longer": "%e0%80%ae%e0%80%ae/etc",
    "absolute": "/etc",
    "a zero byte": "a%00b",
    "a zero byte at the end": "library/app%00",
    "a line break": "library/app%0a",
    "a header in it": "a%0d%0aX-Injected:%20yes",
    "a tab": "a%09b",
    "a space": "a%20b",
    "not UTF-8": "a%ff%fe",
    "a surrogate": "a%ed%a0%80",
    "percent alone": "a%",
    "percent and no hex": "a%zz",
    "upper case": "Library/App",
    "upper case, Cyrillic": "%d0%90pp",
    "lower case, Cyrillic": "libr%d0%b0ry/app",
    "a dotless i": "l%c4%b1brary/app",
    "the Kelvin sign": "%e2%84%aa",
    "digits of another script": "app%d9%a3",
    "a soft hyphen": "app%c2%ad",
    "a joiner": "app%e2%80%8d",
    "a mark of direction": "app%e2%80%ae",
    "a dot first": ".app",
    "a dot last": "app.",
    "a dash first": "-app",
    "a dash last": "app-",
    "an underscore first": "_app",
    "an underscore last": "app_",
    "two dots": "a..b",
    "three underscores": "a___b",
    "a dot and a dash": "a.-b",
    "a slash first": "/app",
    "a slash last": "app/",
    "an empty component": "a//b",
    "an encoded empty component": "a%2f%2fb",
    "a component of dashes": "a/-/b",
    "256 characters": "a" * 256,
    "256 characters in components": "a/" * 127 + "aa",
    "60,000 characters": "a" * 60_000,
    "60,000 components": "a/" * 30_000 + "a",
    "60,000 dashes": "a" + "-" * 60_000,
    "the registry's directory": "library/app/_manifests",
    "a wildcard": "library/*",
    "a question mark": "library/app%3f",
    "a fragment": "library/app%23",
    "a colon": "library:app",
    "an at": "library@sha256",
    "a semicolon": "library;app",
    "a host": "registry.test:5000/app",
}
# What every name is tried on.
NAMED = {
    "tags": ("GET", "tags/list"),
    "catalog of one": ("GET", f"manifests/{IMAGE.digest}"),
    "blob": ("HEAD", f"blobs/{DIGEST}"),
    "push": ("POST", f"blobs/uploads/?digest={DIGEST}"),
    "chunk": ("PATCH", f"blobs/uploads/{OPEN_UUID}?_state={sealed(OPEN_UUID, stored=True)}"),
    "manifest": ("PUT", "manifests/new"),
    "deletion": ("DELETE", f"manifests/{IMAGE.digest}"),
}
TAGS = {
    "traversal": "..",
    "traversal, encoded": "%2e%2e",
    "traversal, encoded twice": "%252e%252e",
    "itself": ".",
    "a dot first": ".latest",
    "a dash first": "-latest",
    "a plus": "a+b",
    "a backslash": "a%5cb",
    "a zero byte": "latest%00",
    "a line break": "latest%0a",
    "not ASCII": "l%c3%a4test",
    "not UTF-8": "latest%ff",
    "full-width": "%ef%bd%8catest",
    "an overlong slash": "a%c0%afb",
    "a space": "%20latest",
    "an at": "latest@",
    "129 characters": "a" * 129,
    "60,000 characters": "a" * 60_000,
    "dots": "." * 100,
}
DIGESTS = {
    "no algorithm": ":" + DIGEST[7:],
    "no hex": "sha256:",
    "a colon": ":",
    "two colons": "sha256::" + DIGEST[7:],
    "short": DIGEST[:-1],
    "long": DIGEST + "0",
    "upper case": DIGEST[:7] + DIGEST[7:].upper(),
    "upper case algorithm": DIGEST.replace("sha", "SHA"),
    "another algorithm": "md5:" + "0" * 32,
    "an unknown algorithm": "sha256+b64:" + "A" * 43,
    "a length of another": "sha512:" + "a" * 64,
    "no hex digits": "sha256:" + "g" * 64,
    "digits of another script": "sha256:" + "%d9%a3" * 64,
    "full-width": "sha256%ef%bc%9a" + DIGEST[7:],
    "traversal": "sha256:..",
    "traversal, encoded": "sha256:%2e%2e%5c" + "a" * 61,
    "a traversing algorithm": "..:" + DIGEST[7:],
    "a zero byte": DIGEST[:-3] + "%00",
    "a zero byte after it": DIGEST + "%00",
    "a line break": DIGEST + "%0a",
    "a space": "%20" + DIGEST,
    "not UTF-8": "sha256:" + "%ff" * 64,
    "60,000 digits": "sha256:" + "a" * 60_000,
}
UUIDS = {
    "traversal": "..",
    "traversal, encoded": "%2e%2e",
    "traversal, encoded twice": "%252e%252e%252f",
    "traversal, backslashes": "..%5c..%5c_layers",
    "itself": ".",
    "a zero byte": OPEN_UUID + "%00",
    "a line break": OPEN_UUID + "%0a",
    "upper case": OPEN_UUID.upper(),
    "braces": "%7b" + OPEN_UUID + "%7d",
    "no dashes": OPEN_UUID.replace("-", ""),
    "short": OPEN_UUID[:-1],
    "long": OPEN_UUID + "0",
    "not UTF-8": "%ff",
    "digits of another script": OPEN_UUID.replace("0", "%d9%a0"),
    "60,000 characters": "a" * 60_000,
    "a file of the upload": "data",
    "the registry's directory": "_layers",
}


def _names() -> Iterator[Row]:
    for what, name in NAMES.items():
        for where, (method, rest) in NAMED.items():
            sent = request(method, f"/v2/{name}/{rest}", body=BLOB if method in {"POST", "PATCH", "PUT"} else None)
            yield Row(f"name, {where}: {what}", sent, 400, "NAME_INVALID")
        sent = request("POST", f"{UPLOADS}/?mount={DIGEST}&from={name.replace('#', '%23')}", body=b"")
        yield Row(f"name, mount from: {what}", sent, 400, "NAME_INVALID")


def _tags() -> Iterator[Row]:
    for what, tag in TAGS.items():
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            sent = request(method, f"{MANIFESTS}/{tag}", body=IMAGE.manifest if method == "PUT" else None)
            yield Row(f"tag, {method}: {what}", sent, 400, "TAG_INVALID")


def _digests() -> Iterator[Row]:
    for what, digest in DIGESTS.items():
        for method in ("GET", "HEAD", "DELETE"):
            yield Row(f"digest, {method}: {what}", request(method, f"{BLOBS}/{digest}"), 400, "DIGEST_INVALID")
        for method in ("GET", "PUT", "DELETE"):
            sent = request(method, f"{MANIFESTS}/{digest}", body=IMAGE.manifest if method == "PUT" else None)
            code = "DIGEST_INVALID" if ":" in digest else "TAG_INVALID"
            yield Row(f"digest of a manifest, {method}: {what}", sent, 400, code)
        for parameter in ("digest", "mount"):
            sent = request("POST", f"{UPLOADS}/?{parameter}={digest.replace('+', '%2b')}", body=BLOB)
            yield Row(f"digest, {parameter}: {what}", sent, 400, "DIGEST_INVALID")
        sent = request("PUT", f"{open_location()}&digest={digest.replace('+', '%2b')}", body=BLOB)
        yield Row(f"digest, finish: {what}", sent, 400, "DIGEST_INVALID")


def _uuids() -> Iterator[Row]:
    state = sealed(OPEN_UUID, stored=True)
    for what, uuid in UUIDS.items():
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            for query in ("", f"?_state={state}&digest={DIGEST}"):
                sent = request(method, f"{UPLOADS}/{uuid}{query}", body=BLOB if method.startswith("P") else None)
                which = ", with a state" if query else ""
                yield Row(f"upload, {method}{which}: {what}", sent, 404, "BLOB_UPLOAD_UNKNOWN")


ELSEWHERE = [
    Row("a slash in a tag leads nowhere", request("GET", f"{MANIFESTS}/a%2fb"), 404, "UNSUPPORTED"),
    Row("traversal in a tag leads nowhere", request("GET", f"{MANIFESTS}/..%2f..%2fetc"), 404, "UNSUPPORTED"),
    Row("traversal in a digest leads nowhere", request("GET", f"{BLOBS}/sha256:..%2f.."), 404, "UNSUPPORTED"),
    Row("traversal out of everything", request("GET", "/v2/../../../etc/passwd"), 404, "UNSUPPORTED"),
    Row("traversal beside everything", request("GET", "/../v2/"), 404, "UNSUPPORTED"),
    Row("two slashes", request("GET", "//v2/"), 404, "UNSUPPORTED"),
    Row("upper case", request("GET", "/V2/"), 404, "UNSUPPORTED"),
    Row("an encoded version twice", request("GET", "/%2576%2532/"), 404, "UNSUPPORTED"),
    Row("a zero byte after the catalog", request("GET", "/v2/_catalog%00"), 404, "UNSUPPORTED"),
    Row("a slash after the catalog", request("GET", "/v2/_catalog/"), 404, "UNSUPPORTED"),
    Row("a parameter of a path", request("GET", "/v2/;x=1"), 404, "UNSUPPORTED"),
    Row("a secret of the registry", request("GET", "/docker/registry/holdfast/secret"), 404, "UNSUPPORTED"),
]
ROWS = [*_names(), *_tags(), *_digests(), *_uuids(), *ELSEWHERE]
SOME = [row for row in ROWS if "travers" in row.what or "zero byte" in row.what]
"""Those that would lead elsewhere, if anywhere."""
