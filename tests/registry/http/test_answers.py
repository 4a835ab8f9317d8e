"""One table of plain questions and their answers, on a registry with an image, an upload and an index."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from _pytest.mark import ParameterSet

from holdfast.registry.http.errors import CODES
from tests.registry.client import (
    DOCKER_MANIFEST,
    NAME,
    OCI_INDEX,
    OCI_MANIFEST,
    Client,
    descriptor,
    digest_of,
    error_code,
    make_image,
    make_index,
)
from tests.registry.storages import Storage, filesystem, inmemory

pytestmark = pytest.mark.anyio

IMAGE = make_image()
INDEX = make_index([IMAGE])
BLOB = IMAGE.blobs[1]
DIGEST = digest_of(BLOB)
ABSENT = digest_of(b"absent")
ABSENT_512 = digest_of(b"absent", "sha512")
UUID = "01234567-89ab-cdef-0123-456789abcdef"
LONG = "a" * 256


class Case(NamedTuple):
    """A question and its answer; a header or a body of `None` must not be there."""

    what: str
    method: str
    path: str
    status: int
    code: str | None = None
    headers: dict[str, str | None] = {}  # noqa: RUF012 - never changed
    body: bytes | None = None
    sent: dict[str, str] = {}  # noqa: RUF012 - never changed
    sent_body: bytes | None = None


def manifest_of(**changes: object) -> bytes:
    """The image's manifest, changed."""
    return json.dumps(json.loads(IMAGE.manifest) | changes).encode()


BLOB_HEADERS: dict[str, str | None] = {
    "content-length": str(len(BLOB)),
    "content-type": "application/octet-stream",
    "docker-content-digest": DIGEST,
    "etag": f'"{DIGEST}"',
    "accept-ranges": "bytes",
    "content-range": None,
}
MANIFEST_HEADERS: dict[str, str | None] = {
    "content-length": str(len(IMAGE.manifest)),
    "content-type": OCI_MANIFEST,
    "docker-content-digest": IMAGE.digest,
    "etag": f'"{IMAGE.digest}"',
}
OCI = {"content-type": OCI_MANIFEST}
ROOT = "http://registry.test"
BLOBS = f"/v2/{NAME}/blobs"
UPLOADS = f"/v2/{NAME}/blobs/uploads"
MANIFESTS = f"/v2/{NAME}/manifests"

BASE = [
    Case("base", "GET", "/v2/", 200, headers={"content-type": "application/json"}, body=b"{}"),
    Case("base without slash", "GET", "/v2", 200, body=b"{}"),
    Case("base, head", "HEAD", "/v2/", 200),
    Case("base, other method", "POST", "/v2/", 405, "UNSUPPORTED", {"allow": "GET, HEAD"}),
    Case("nothing", "GET", "/", 404, "UNSUPPORTED"),
    Case("version 1", "GET", "/v1/", 404, "UNSUPPORTED"),
    Case("no noun", "GET", "/v2/library/app", 404, "UNSUPPORTED"),
    Case("no noun that is known", "GET", "/v2/library/app/layers/x", 404, "UNSUPPORTED"),
    Case("noun without reference", "GET", "/v2/library/app/manifests/", 404, "UNSUPPORTED"),
]
NAMES = [
    Case("upper case", "GET", "/v2/Library/tags/list", 400, "NAME_INVALID"),
    Case("too long", "GET", f"/v2/{LONG}/tags/list", 400, "NAME_INVALID"),
    Case("empty part", "GET", "/v2/a//b/tags/list", 400, "NAME_INVALID"),
    Case("leading slash", "GET", "/v2//a/manifests/latest", 400, "NAME_INVALID"),
    Case("no name, manifests", "GET", "/v2//manifests/latest", 400, "NAME_INVALID"),
    Case("no name, tags", "GET", "/v2//tags/list", 400, "NAME_INVALID"),
    Case("no name, blobs", "GET", f"/v2//blobs/{DIGEST}", 400, "NAME_INVALID"),
    Case("no name, uploads", "POST", "/v2//blobs/uploads/", 400, "NAME_INVALID"),
    Case("no name at all, uploads", "POST", "/v2/blobs/uploads/", 400, "NAME_INVALID"),
    Case("dots", "GET", "/v2/a/%2e%2e/b/tags/list", 400, "NAME_INVALID"),
    Case("Distribution's directory", "GET", f"/v2/{NAME}/_manifests/tags/list", 400, "NAME_INVALID"),
    Case("unknown", "GET", "/v2/library/nothing/tags/list", 404, "NAME_UNKNOWN"),
    Case("unknown, no entries asked for", "GET", "/v2/library/nothing/tags/list?n=0", 404, "NAME_UNKNOWN"),
    Case("part of a name", "GET", "/v2/library/tags/list", 404, "NAME_UNKNOWN"),
]
BLOB_READS = [
    Case("blob", "GET", f"{BLOBS}/{DIGEST}", 200, headers=BLOB_HEADERS, body=BLOB),
    Case("blob, head", "HEAD", f"{BLOBS}/{DIGEST}", 200, headers=BLOB_HEADERS, body=b""),
    Case("unknown", "GET", f"{BLOBS}/{ABSENT}", 404, "BLOB_UNKNOWN"),
    Case("unknown, head", "HEAD", f"{BLOBS}/{ABSENT}", 404, "BLOB_UNKNOWN"),
    Case("unknown sha512", "GET", f"{BLOBS}/{ABSENT_512}", 404, "BLOB_UNKNOWN"),
    Case("of another repository", "GET", f"/v2/other/blobs/{DIGEST}", 404, "BLOB_UNKNOWN"),
    Case("a manifest is no blob of it", "GET", f"{BLOBS}/{IMAGE.digest}", 404, "BLOB_UNKNOWN"),
    Case("malformed digest", "GET", f"{BLOBS}/sha256:abc", 400, "DIGEST_INVALID"),
    Case("another algorithm", "HEAD", f"{BLOBS}/md5:{'a' * 32}", 400, "DIGEST_INVALID"),
    Case("no digest", "GET", f"{BLOBS}/latest", 400, "DIGEST_INVALID"),
    Case("other method", "PUT", f"{BLOBS}/{DIGEST}", 405, "UNSUPPORTED", {"allow": "DELETE, GET, HEAD"}),
    Case("no such method", "BREW", f"{BLOBS}/{DIGEST}", 405, "UNSUPPORTED", {"allow": "DELETE, GET, HEAD"}),
]
BLOB_RANGES = [
    Case(
        "middle", "GET", f"{BLOBS}/{DIGEST}", 206, sent={"range": "bytes=2-4"}, body=BLOB[2:5],
        headers={"content-range": f"bytes 2-4/{len(BLOB)}", "content-length": "3", "docker-content-digest": DIGEST},
    ),
    Case(
        "to the end", "GET", f"{BLOBS}/{DIGEST}", 206, sent={"range": "bytes=3-"}, body=BLOB[3:],
        headers={"content-range": f"bytes 3-{len(BLOB) - 1}/{len(BLOB)}"},
    ),
    Case("the last", "GET", f"{BLOBS}/{DIGEST}", 206, sent={"range": "bytes=-2"}, body=BLOB[-2:]),
    Case(
        "past the end", "GET", f"{BLOBS}/{DIGEST}", 416, "SIZE_INVALID", {"content-range": f"bytes */{len(BLOB)}"},
        sent={"range": f"bytes={len(BLOB)}-"},
    ),
    Case("malformed", "GET", f"{BLOBS}/{DIGEST}", 200, sent={"range": "lines=1-2"}, headers=BLOB_HEADERS, body=BLOB),
    Case("several", "GET", f"{BLOBS}/{DIGEST}", 200, sent={"range": "bytes=0-1,3-4"}, body=BLOB),
    Case("of an unknown blob", "GET", f"{BLOBS}/{ABSENT}", 404, "BLOB_UNKNOWN", sent={"range": "bytes=0-"}),
    Case("for HEAD means nothing", "HEAD", f"{BLOBS}/{DIGEST}", 200, headers=BLOB_HEADERS, sent={"range": "bytes=2-4"}),
    Case(
        "if it is the same", "GET", f"{BLOBS}/{DIGEST}", 206, body=BLOB[:2],
        sent={"range": "bytes=0-1", "if-range": f'"{DIGEST}"'},
    ),
    Case(
        "if it were another", "GET", f"{BLOBS}/{DIGEST}", 200, body=BLOB,
        sent={"range": "bytes=0-1", "if-range": f'"{ABSENT}"'},
    ),
    Case(
        "by a weak tag", "GET", f"{BLOBS}/{DIGEST}", 200, body=BLOB,
        sent={"range": "bytes=0-1", "if-range": f'W/"{DIGEST}"'},
    ),
    Case(
        "by a date", "GET", f"{BLOBS}/{DIGEST}", 200, body=BLOB,
        sent={"range": "bytes=0-1", "if-range": "Wed, 21 Oct 2015 07:28:00 GMT"},
    ),
]  # fmt: skip
SAME: dict[str, str | None] = {"etag": f'"{DIGEST}"', "docker-content-digest": DIGEST}
CONDITIONS = [
    Case("same", "GET", f"{BLOBS}/{DIGEST}", 304, headers=SAME, body=b"", sent={"if-none-match": f'"{DIGEST}"'}),
    Case("same, head", "HEAD", f"{BLOBS}/{DIGEST}", 304, headers=SAME, sent={"if-none-match": f'"{DIGEST}"'}),
    Case("unquoted", "GET", f"{BLOBS}/{DIGEST}", 304, sent={"if-none-match": DIGEST}),
    Case("weak, in a list", "GET", f"{BLOBS}/{DIGEST}", 304, sent={"if-none-match": f'"x", W/"{DIGEST}"'}),
    Case("any", "GET", f"{BLOBS}/{DIGEST}", 304, sent={"if-none-match": "*"}),
    Case("another", "GET", f"{BLOBS}/{DIGEST}", 200, body=BLOB, sent={"if-none-match": f'"{ABSENT}"'}),
    Case("unknown", "GET", f"{BLOBS}/{ABSENT}", 404, "BLOB_UNKNOWN", sent={"if-none-match": f'"{ABSENT}"'}),
    Case("manifest", "GET", f"{MANIFESTS}/latest", 304, body=b"", sent={"if-none-match": f'"{IMAGE.digest}"'}),
    Case("manifest in a list", "HEAD", f"{MANIFESTS}/latest", 304, sent={"if-none-match": f'"x", "{IMAGE.digest}"'}),
    Case("manifest, any", "GET", f"{MANIFESTS}/{IMAGE.digest}", 304, sent={"if-none-match": "*"}),
    Case("manifest, another", "GET", f"{MANIFESTS}/latest", 200, sent={"if-none-match": f'"{ABSENT}"'}),
]
MANIFEST_READS = [
    Case("by tag", "GET", f"{MANIFESTS}/latest", 200, headers=MANIFEST_HEADERS, body=IMAGE.manifest),
    Case("by tag, head", "HEAD", f"{MANIFESTS}/latest", 200, headers=MANIFEST_HEADERS, body=b""),
    Case("by digest", "GET", f"{MANIFESTS}/{IMAGE.digest}", 200, headers=MANIFEST_HEADERS, body=IMAGE.manifest),
    Case("by digest, head", "HEAD", f"{MANIFESTS}/{IMAGE.digest}", 200, headers=MANIFEST_HEADERS, body=b""),
    Case("index", "GET", f"{MANIFESTS}/multi", 200, headers={"content-type": OCI_INDEX}, body=INDEX.manifest),
    Case("unknown tag", "GET", f"{MANIFESTS}/none", 404, "MANIFEST_UNKNOWN"),
    Case("unknown tag, head", "HEAD", f"{MANIFESTS}/none", 404, "MANIFEST_UNKNOWN"),
    Case("unknown digest", "GET", f"{MANIFESTS}/{ABSENT}", 404, "MANIFEST_UNKNOWN"),
    Case("unknown repository", "GET", "/v2/other/manifests/latest", 404, "MANIFEST_UNKNOWN"),
    Case("of another repository", "GET", f"/v2/other/manifests/{IMAGE.digest}", 404, "MANIFEST_UNKNOWN"),
    Case("a blob is no manifest", "GET", f"{MANIFESTS}/{DIGEST}", 404, "MANIFEST_UNKNOWN"),
    Case("malformed digest", "GET", f"{MANIFESTS}/sha256:abc", 400, "DIGEST_INVALID"),
    Case("malformed tag", "GET", f"{MANIFESTS}/-latest", 400, "TAG_INVALID"),
    Case("long tag", "GET", f"{MANIFESTS}/{'a' * 129}", 400, "TAG_INVALID"),
    Case("other method", "POST", f"{MANIFESTS}/latest", 405, "UNSUPPORTED", {"allow": "DELETE, GET, HEAD, PUT"}),
]
MANIFEST_WRITES = [
    Case("not JSON", "PUT", f"{MANIFESTS}/new", 400, "MANIFEST_INVALID", sent=OCI, sent_body=b"x"),
    Case("nothing", "PUT", f"{MANIFESTS}/new", 400, "MANIFEST_INVALID", sent=OCI, sent_body=b""),
    Case("malformed tag", "PUT", f"{MANIFESTS}/a+b", 400, "TAG_INVALID", sent=OCI, sent_body=IMAGE.manifest),
    Case("malformed digest", "PUT", f"{MANIFESTS}/sha256:a", 400, "DIGEST_INVALID", sent=OCI, sent_body=IMAGE.manifest),
    Case("wrong digest", "PUT", f"{MANIFESTS}/{ABSENT}", 400, "DIGEST_INVALID", sent=OCI, sent_body=IMAGE.manifest),
    Case(
        "another type", "PUT", f"{MANIFESTS}/new", 400, "MANIFEST_INVALID",
        sent={"content-type": DOCKER_MANIFEST}, sent_body=IMAGE.manifest,
    ),
    Case(
        "no manifest type", "PUT", f"{MANIFESTS}/new", 400, "MANIFEST_INVALID",
        sent={"content-type": "application/json"}, sent_body=IMAGE.manifest,
    ),
    Case(
        "two in one", "PUT", f"{MANIFESTS}/new", 400, "MANIFEST_INVALID",
        sent=OCI, sent_body=manifest_of(manifests=[descriptor(IMAGE.manifest, OCI_MANIFEST)]),
    ),
    Case(
        "unknown layer", "PUT", f"{MANIFESTS}/new", 400, "MANIFEST_BLOB_UNKNOWN",
        sent=OCI, sent_body=manifest_of(layers=[descriptor(b"absent", "application/vnd.oci.image.layer.v1.tar")]),
    ),
    Case(
        "in an unknown repository", "PUT", "/v2/other/manifests/new", 400, "MANIFEST_BLOB_UNKNOWN",
        sent=OCI, sent_body=IMAGE.manifest,
    ),
    Case(
        "lengths as text", "PUT", f"{MANIFESTS}/new", 400, "SIZE_INVALID",
        sent={**OCI, "content-length": "x"}, sent_body=IMAGE.manifest,
    ),
    Case(
        "parameters of a type", "PUT", f"{MANIFESTS}/again", 201,
        sent={"content-type": f"{OCI_MANIFEST.upper()}; charset=utf-8"}, sent_body=IMAGE.manifest,
        headers={"location": f"{ROOT}{MANIFESTS}/{IMAGE.digest}", "docker-content-digest": IMAGE.digest}, body=b"",
    ),
]  # fmt: skip
LOCATION = re.escape(f"{ROOT}{UPLOADS}/") + r"[0-9a-f-]{36}\?_state=[A-Za-z0-9_-]+"
UPLOAD_STARTS = [
    Case("begin", "POST", f"{UPLOADS}/", 202, headers={"range": "0-0", "content-length": "0"}, body=b""),
    Case(
        "whole",
        "POST",
        f"{UPLOADS}/?digest={DIGEST}",
        201,
        sent_body=BLOB,
        headers={"location": f"{ROOT}{BLOBS}/{DIGEST}"},
    ),
    Case("wrong digest", "POST", f"{UPLOADS}/?digest={ABSENT}", 400, "DIGEST_INVALID", sent_body=BLOB),
    Case("malformed digest", "POST", f"{UPLOADS}/?digest=x", 400, "DIGEST_INVALID", sent_body=BLOB),
    Case("empty digest", "POST", f"{UPLOADS}/?digest=", 400, "DIGEST_INVALID", sent_body=BLOB),
    Case("malformed mount", "POST", f"{UPLOADS}/?mount=x&from=a", 400, "DIGEST_INVALID"),
    Case("mount from no name", "POST", f"{UPLOADS}/?mount={DIGEST}&from=A", 400, "NAME_INVALID"),
    Case("unknown algorithm", "POST", f"{UPLOADS}/?digest-algorithm=md5", 400, "DIGEST_INVALID"),
    Case("other method", "GET", f"{UPLOADS}/", 405, "UNSUPPORTED", {"allow": "POST"}),
    Case("without slash", "POST", UPLOADS, 405, "UNSUPPORTED"),
    Case("to an upload", "POST", f"{UPLOADS}/{UUID}", 405, "UNSUPPORTED", {"allow": "DELETE, GET, HEAD, PATCH, PUT"}),
]
UNKNOWN_UPLOADS = [
    Case(f"{what}, {method}", method, f"{UPLOADS}/{uuid}", 404, "BLOB_UPLOAD_UNKNOWN")
    for method in ("GET", "PATCH", "PUT", "DELETE")
    for what, uuid in {
        "never begun": UUID,
        "state of nothing": f"{UUID}?_state=",
        "state of garbage": f"{UUID}?_state=AAAA",
        "no uuid": "x",
        "braces": "{" + UUID + "}",
        "urn": f"urn:uuid:{UUID}",
        "upper case": UUID.upper(),
        "no dashes": UUID.replace("-", ""),
    }.items()
]
LISTINGS = [
    Case("tags", "GET", f"/v2/{NAME}/tags/list", 200, body=b'{"name":"library/app","tags":["latest","multi"]}'),
    Case("no tags", "GET", f"/v2/{NAME}/tags/list?n=0", 200, body=b'{"name":"library/app","tags":[]}'),
    Case("catalog", "GET", "/v2/_catalog", 200, body=b'{"repositories":["library/app"]}'),
    Case("no entries", "GET", "/v2/_catalog?n=0", 200, body=b'{"repositories":[]}'),
    *(
        Case(f"n={number}", "GET", f"{path}?n={number}", 400, "UNSUPPORTED")
        for path in (f"/v2/{NAME}/tags/list", "/v2/_catalog")
        for number in ("-1", "x", "1.5", "%2B1", "1e3", "%D9%A3", "9" * 30)
    ),
    Case("other method", "POST", f"/v2/{NAME}/tags/list", 405, "UNSUPPORTED", {"allow": "GET, HEAD"}),
    Case("other method", "DELETE", "/v2/_catalog", 405, "UNSUPPORTED", {"allow": "GET, HEAD"}),
]
DELETES = [
    Case("unknown blob", "DELETE", f"{BLOBS}/{ABSENT}", 404, "BLOB_UNKNOWN"),
    Case("malformed digest", "DELETE", f"{BLOBS}/x", 400, "DIGEST_INVALID"),
    Case("unknown manifest", "DELETE", f"{MANIFESTS}/{ABSENT}", 404, "MANIFEST_UNKNOWN"),
    Case("unknown tag", "DELETE", f"{MANIFESTS}/none", 404, "MANIFEST_UNKNOWN"),
    Case("malformed tag", "DELETE", f"{MANIFESTS}/-", 400, "TAG_INVALID"),
    Case("blob", "DELETE", f"{BLOBS}/{DIGEST}", 202, headers={"docker-content-digest": DIGEST}, body=b""),
    Case("tag", "DELETE", f"{MANIFESTS}/latest", 202, body=b""),
    Case("manifest", "DELETE", f"{MANIFESTS}/{IMAGE.digest}", 202, body=b""),
]
ALL = {
    "base": BASE,
    "names": NAMES,
    "blobs": BLOB_READS,
    "ranges": BLOB_RANGES,
    "conditions": CONDITIONS,
    "manifests": MANIFEST_READS,
    "manifest writes": MANIFEST_WRITES,
    "uploads": UPLOAD_STARTS,
    "unknown uploads": UNKNOWN_UPLOADS,
    "listings": LISTINGS,
    "deletes": DELETES,
}
CHANGING = {"manifest writes", "uploads", "deletes"}


def cases(*, changing: bool) -> list[ParameterSet]:
    """The cases of the groups that change what is stored, or that don't."""
    groups = {group: group_cases for group, group_cases in ALL.items() if (group in CHANGING) == changing}
    return [pytest.param(case, id=f"{group}: {case.what}") for group, some in groups.items() for case in some]


@asynccontextmanager
async def filled(storage: Storage) -> AsyncIterator[Client]:
    """A registry with an image and an index."""
    async with storage.client() as client:
        await client.push_image(IMAGE, "latest")
        await client.push_image(INDEX, "multi")
        yield client


@pytest.fixture(params=["inmemory", "filesystem"], scope="module")
async def unchanged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A registry that many questions are asked of."""
    storage = inmemory() if request.param == "inmemory" else filesystem(tmp_path_factory.mktemp("data"))
    async with filled(storage) as client:
        yield client
    await storage.aclose()


@pytest.mark.parametrize("case", cases(changing=False))
async def test_answer(unchanged: Client, case: Case) -> None:
    """Each question of the table has its answer; every error is the spec's JSON; the API's version is on all."""
    await assert_answer(unchanged, case)


@pytest.mark.parametrize("case", cases(changing=True))
async def test_answer_to_a_change(storage: Storage, case: Case) -> None:
    """As above, for what changes something: each is asked of a registry of its own."""
    async with filled(storage) as client:
        await assert_answer(client, case)


async def assert_answer(client: Client, case: Case) -> None:
    """Ask a question and compare the answer."""
    response = await client.request(case.method, case.path, headers=case.sent, body=case.sent_body)

    assert case.status == response.status_code, response.text
    assert "registry/2.0" == response.headers["docker-distribution-api-version"]
    if case.code is None:
        assert response.status_code < 400
    elif case.method == "HEAD":
        assert "application/json" == response.headers["content-type"]
    else:
        assert case.code == error_code(response)
    for name, value in case.headers.items():
        assert value == response.headers.get(name)
    if case.body is not None:
        assert case.body == response.content


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", f"{BLOBS}/{DIGEST}"),
        ("DELETE", f"{MANIFESTS}/latest"),
        ("DELETE", f"{MANIFESTS}/{IMAGE.digest}"),
    ],
)
async def test_delete_disabled(storage: Storage, method: str, path: str) -> None:
    """Where deleting is switched off it is unsupported, and nothing is deleted."""
    async with storage.client(delete_enabled=False) as client:
        await client.push_image(IMAGE, "latest")
        before = await storage.files()
        response = await client.request(method, path)

        assert (405, "UNSUPPORTED") == (response.status_code, error_code(response))
        assert before == await storage.files()


async def test_location_of_an_upload(client: Client) -> None:
    """A new upload's location is absolute, safe in a URL, and names the upload."""
    response = await client.request("POST", f"{UPLOADS}/")

    assert re.fullmatch(LOCATION, response.headers["location"])
    assert response.headers["docker-upload-uuid"] in response.headers["location"]


async def test_not_http(storage: Storage) -> None:
    """What isn't HTTP isn't answered as if it were."""
    async with storage.app() as app:
        with pytest.raises(ValueError, match="websocket"):
            await app({"type": "websocket"}, None, None)  # type: ignore[arg-type]


def test_codes() -> None:
    """Every code of the spec's table is there, with a status that is an error's."""
    spec = """
        BLOB_UNKNOWN BLOB_UPLOAD_INVALID BLOB_UPLOAD_UNKNOWN DIGEST_INVALID MANIFEST_BLOB_UNKNOWN MANIFEST_INVALID
        MANIFEST_UNKNOWN NAME_INVALID NAME_UNKNOWN SIZE_INVALID UNAUTHORIZED DENIED UNSUPPORTED TOOMANYREQUESTS
    """

    assert set(spec.split()) <= set(CODES)
    assert all(400 <= code.status < 600 for code in CODES.values())
