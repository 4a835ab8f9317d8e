"""Parameters of listings, of referrers, and of tags that come with a manifest."""

from collections.abc import Iterator

from tests.registry.client import NAME, OCI_MANIFEST
from tests.registry.http.hostile.stage import DIGEST, IMAGE
from tests.registry.http.hostile.wire import Row, request

__all__ = ["ROWS"]

LISTINGS = {"tags": f"/v2/{NAME}/tags/list", "catalog": "/v2/_catalog"}
NUMBERS = {
    "negative": "-1",
    "signed": "%2B1",
    "a fraction": "1.5",
    "an exponent": "1e3",
    "no number": "x",
    "hexadecimal": "0x10",
    "a space": "%20",
    "a space before": "%201",
    "a zero byte": "1%00",
    "Arabic digits": "%d9%a3",
    "full-width digits": "%ef%bc%91",
    "superscripts": "%c2%b2",
    "not UTF-8": "%ff",
    "not a number": "NaN",
    "infinite": "Infinity",
    "beyond 64 bits": "99999999999999999999",
    "5,000 digits": "9" * 5000,
    "60,000 digits": "9" * 60_000,
    "a list": "1,2",
    "several, the last one bad": "1&n=x",
}
# Any text is a place to go on after.
LASTS = {
    "traversal": "../../etc",
    "traversal, encoded": "%2e%2e%2f%2e%2e%2f",
    "slashes": "%2f" * 1000,
    "a zero byte": "%00",
    "not UTF-8": "%ff%fe",
    "the greatest character": "%f4%8f%bf%bf",
    "a line break": "%0d%0aX-Injected:%20yes",
    "a link": "x%3E%3B%20rel%3D%22next%22",
    "60,000 characters": "a" * 60_000,
    "60,000 dashes": "a" + "-" * 60_000,
    "30,000 names": "a-" * 30_000 + "a",
    "30,000 components": "a/" * 30_000 + "a",
    "20,000 dots": "a.b" * 20_000,
    "a component too long": "a" * 256,
    "a path too long": "/".join(["a" * 250] * 20),
    "an underscore": "_",
    "twenty thousand times": "&last=".join(["a"] * 9_000),
}


def _rows() -> Iterator[Row]:
    for where, path in LISTINGS.items():
        for what, number in NUMBERS.items():
            yield Row(f"{where}, n: {what}", request("GET", f"{path}?n={number}"), 400, "UNSUPPORTED")
        for what, last in LASTS.items():
            for n in ("", "&n=1"):
                yield Row(f"{where}, last{n}: {what}", request("GET", f"{path}?last={last}{n}"), 200)
        for what, query in {
            "percent alone": "%",
            "percent and no hex": "%zz=%zz",
            "separators": "&" * 10_000,
            "equals signs": "=" * 10_000,
            "keys": "&".join(f"k{number}" for number in range(8_000)),
            "question marks": "?" * 10_000,
        }.items():
            yield Row(f"{where}, query: {what}", request("GET", f"{path}?{query}"), 200)


def _referrers() -> Iterator[Row]:
    path = f"/v2/{NAME}/referrers/{IMAGE.digest}"
    for what, query in {
        "an empty type": "artifactType=",
        "a type of 60,000 characters": "artifactType=" + "a" * 60_000,
        "3,000 types": "&".join(["artifactType=a/b"] * 3_000),
        "3,000 types that differ": "&".join(f"artifactType=a/{number}" for number in range(3_000)),
        "a type that breaks the line": "artifactType=a%0d%0aX-Injected:%20yes",
        "a type that isn't UTF-8": "artifactType=%ff",
    }.items():
        yield Row(f"referrers: {what}", request("GET", f"{path}?{query}"), 200)
    for what, name in {"nothing was ever pushed to": "none", "begins with one that is there": f"{NAME}/x"}.items():
        sent = request("GET", f"/v2/{name}/referrers/{DIGEST}")
        yield Row(f"referrers: in a repository that {what}", sent, 200)
    for what, last in {"no digest": "x", "traversal": "../..", "a zero byte": f"{DIGEST}%00"}.items():
        yield Row(f"referrers, last: {what}", request("GET", f"{path}?last={last}"), 400, "DIGEST_INVALID")
    for what, digest in {"a tag": "latest", "an unknown algorithm": "md5:" + "0" * 32, "short": DIGEST[:-1]}.items():
        yield Row(f"referrers: of {what}", request("GET", f"/v2/{NAME}/referrers/{digest}"), 400, "DIGEST_INVALID")


def _tags() -> Iterator[Row]:
    path = f"/v2/{NAME}/manifests/{IMAGE.digest}"
    for what, tag in {
        "traversal": "..",
        "a zero byte": "a%00",
        "too long": "a" * 129,
        "a break": "a%0d%0aX:%20y",
    }.items():
        sent = request("PUT", f"{path}?tag=good&tag={tag}", f"Content-Type: {OCI_MANIFEST}", body=IMAGE.manifest)
        yield Row(f"tag as a parameter: {what}", sent, 400, "TAG_INVALID")
    many = "&".join(f"tag=t{number}" for number in range(4_000))
    sent = request("PUT", f"{path}?{many}", f"Content-Type: {OCI_MANIFEST}", body=IMAGE.manifest)
    yield Row("tag as a parameter: 4,000", sent, 414, "UNSUPPORTED")


def _repositories() -> Iterator[Row]:
    """Deleting a whole repository is off, whatever its name; a name that is none doesn't come so far."""
    for what, name in {"one that is there": NAME, "a noun": f"{NAME}/manifests", "unknown": "none"}.items():
        yield Row(f"repository: {what}", request("DELETE", f"/v2/{name}/"), 405, "UNSUPPORTED")
    for what, name in {"traversal": "..", "all": "*", "the layout's": "_uploads"}.items():
        yield Row(f"repository: {what}", request("DELETE", f"/v2/{name}/"), 400, "NAME_INVALID")


ROWS = [*_rows(), *_referrers(), *_tags(), *_repositories()]
