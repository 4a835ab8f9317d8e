"""What holds for answers of every kind: the base, errors, warnings, and HTTP."""

import json
import re
from functools import partial
from typing import Any

import httpx
import pytest

from holdfast.storage.errors import ThrottledError
from holdfast.testing.drivers import Fault, FaultyDriver
from tests.conformance.deployment import Deploy
from tests.conformance.manifests import EMPTY, artifact, pushed, put
from tests.conformance.requirements import proves
from tests.registry.client import OCI_MANIFEST, Client, digest_of

pytestmark = pytest.mark.anyio

CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DENIED",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "TOOMANYREQUESTS",
    "UNAUTHORIZED",
    "UNSUPPORTED",
}
LEGACY_CODES = {"MANIFEST_UNVERIFIED", "TAG_INVALID"}
"""The specification leaves these to registries that come from Docker's."""

ABSENT = digest_of(b"absent")
UPLOAD = "blobs/uploads/01234567-89ab-cdef-0123-456789abcdef"
OCI = {"content-type": OCI_MANIFEST}

REFUSALS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "no blob": ("GET", f"blobs/{ABSENT}", {}, b""),
    "no digest": ("GET", "blobs/sha256:abc", {}, b""),
    "range outside": ("GET", f"blobs/{digest_of(EMPTY)}", {"range": "bytes=1000-"}, b""),
    "no manifest": ("GET", "manifests/absent", {}, b""),
    "no manifest of the digest": ("GET", f"manifests/{ABSENT}", {}, b""),
    "no tag": ("GET", "manifests/-", {}, b""),
    "tag that is none": ("PUT", "manifests/-", OCI, artifact()),
    "no JSON": ("PUT", "manifests/a", OCI, b"{"),
    "wrong digest": ("PUT", f"manifests/{ABSENT}", OCI, artifact()),
    "missing blob": ("PUT", "manifests/a", OCI, artifact(layers=[{"mediaType": "a/b", "digest": ABSENT, "size": 1}])),
    "too large": ("PUT", "manifests/a", OCI, b" " * (4 * 1024 * 1024 + 1)),
    "no upload": ("PATCH", UPLOAD, {}, b"chunk"),
    "no upload to close": ("PUT", f"{UPLOAD}?digest={ABSENT}", {}, b""),
    "no upload to ask for": ("GET", UPLOAD, {}, b""),
    "no upload to cancel": ("DELETE", UPLOAD, {}, b""),
    "no upload id": ("PATCH", "blobs/uploads/x", {}, b"chunk"),
    "wrong content": ("POST", f"blobs/uploads/?digest={ABSENT}", {}, b"present"),
    "no algorithm": ("POST", "blobs/uploads/?digest-algorithm=md5", {}, b""),
    "mount of nothing": ("POST", "blobs/uploads/?mount=x&from=a", {}, b""),
    "no number of tags": ("GET", "tags/list?n=x", {}, b""),
    "no subject": ("GET", "referrers/x", {}, b""),
    "no blob to delete": ("DELETE", f"blobs/{ABSENT}", {}, b""),
    "no manifest to delete": ("DELETE", "manifests/absent", {}, b""),
    "no endpoint": ("GET", "layers/x", {}, b""),
    "no method": ("POST", "tags/list", {}, b""),
}


def assert_error(response: httpx.Response) -> None:
    """Check the body of an error, if it is JSON."""
    if "json" not in response.headers.get("content-type", ""):
        return
    document = json.loads(response.content)
    assert ["errors"] == list(document)
    assert document["errors"]
    for error in document["errors"]:
        assert {"code"} <= error.keys() <= {"code", "message", "detail"}
        assert re.fullmatch("[A-Z_]+", error["code"])
        assert error["code"] in CODES | LEGACY_CODES
        assert isinstance(error.get("message", ""), str)


def assert_warnings(response: httpx.Response) -> None:
    """Check the warnings of an answer, if there are any."""
    warnings = response.headers.get_list("warning")
    assert sum(map(len, warnings)) <= 4096
    for warning in warnings:
        assert re.fullmatch(r'299 - "(?:[^"\\]|\\.)*"', warning), warning


@proves("end-1", "general-1", "legacy-2a")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_base(client: Client, method: str) -> None:
    """The base says that the interface is here, to Docker's clients too."""
    response = await client.request(method, "/v2/")

    assert 200 == response.status_code
    assert "registry/2.0" == response.headers["docker-distribution-api-version"]


@proves("errors-1", "errors-2", "errors-3", "errors-4", "errors-5", "errors-6", "legacy-4a")
@pytest.mark.parametrize("what", REFUSALS)
async def test_refusal(client: Client, name: str, what: str) -> None:
    """Whatever is refused, the body has the specification's form and a code from its list."""
    await pushed(client, name, artifact(annotations={"is": "something else"}))
    method, path, headers, body = REFUSALS[what]

    response = await client.request(method, f"/v2/{name}/{path}", headers=headers, body=body)

    assert 400 <= response.status_code < 500
    assert_error(response)
    assert_warnings(response)


@proves("errors-2", "errors-6")
async def test_refusal_of_a_chunk(client: Client, name: str) -> None:
    """A chunk out of order is refused in the specification's words as well."""
    location = await client.begin(name)

    response = await client.patch(location, b"chunk", start=7)

    assert 416 == response.status_code
    assert_error(response)


@proves("errors-2", "errors-6")
async def test_refusal_of_a_name(client: Client) -> None:
    """A name outside of the grammar is refused in the specification's words."""
    response = await client.request("GET", "/v2/UPPER/tags/list")

    assert ["NAME_INVALID"] == [error["code"] for error in response.json()["errors"]]
    assert_error(response)


@proves("errors-7")
async def test_too_many_requests(deploy: Deploy, name: str) -> None:
    """A client that has to wait is told for how long."""
    fault = Fault(op="*", path="*/blobs/*", error=ThrottledError, times=None)
    async with deploy(around=partial(_faulty, fault)) as client:
        response = await client.finish(await client.begin(name), digest_of(b"blob"), b"blob")

        assert 429 == response.status_code
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert_error(response)


def _faulty(fault: Fault, driver: Any) -> FaultyDriver:
    return FaultyDriver(driver, fault)


@proves("warnings-2", "warnings-3", "manifest-6", "proxy-6", "proxy-7")
@pytest.mark.parametrize("path", ["blobs/{blob}", "manifests/{manifest}", "tags/list", "referrers/{manifest}"])
async def test_pull_through_a_namespace(client: Client, name: str, path: str) -> None:
    """The parameter ns changes nothing, isn't said to have been used, and brings no warnings."""
    manifest = await pushed(client, name, artifact())
    target = f"/v2/{name}/" + path.format(blob=digest_of(EMPTY), manifest=manifest)

    plain = await client.request("GET", target)
    spaced = await client.request("GET", target, params={"ns": "docker.io"})

    assert (200, plain.content) == (spaced.status_code, spaced.content)
    assert plain.headers["content-type"] == spaced.headers["content-type"]
    assert "oci-namespace" not in spaced.headers
    assert_warnings(plain)


@proves("api-1")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ""),
        ("PUT", f"blobs/{ABSENT}"),
        ("POST", "manifests/latest"),
        ("PUT", "tags/list"),
        ("PUT", "blobs/uploads/"),
        ("BREW", f"blobs/{ABSENT}"),
    ],
)
async def test_method_that_is_not_allowed(client: Client, name: str, method: str, path: str) -> None:
    """A method that an endpoint lacks answers 405 with those that it has."""
    response = await client.request(method, f"/v2/{name}/{path}" if path else "/v2/")

    assert 405 == response.status_code
    assert method not in {allowed.strip() for allowed in response.headers["allow"].split(",")}


@proves("api-1")
@pytest.mark.parametrize(
    "path", ["", "{name}/tags/list", "{name}/referrers/{manifest}", "{name}/manifests/latest", "{name}/blobs/{blob}"]
)
async def test_head_is_get_without_the_body(client: Client, name: str, path: str) -> None:
    """Wherever GET is answered, HEAD is, with the same status and fields, and nothing after them."""
    manifest = await pushed(client, name, artifact())
    await put(client, name, "latest", artifact())
    target = "/v2/" + path.format(name=name, manifest=manifest, blob=digest_of(EMPTY))

    got = await client.request("GET", target)
    asked = await client.request("HEAD", target)

    assert (200, b"") == (asked.status_code, asked.content)
    assert dict(got.headers) | {"date": ""} == dict(asked.headers) | {"date": ""}


@proves("api-1", "end-13")
async def test_head_of_an_upload(client: Client, name: str) -> None:
    """HEAD tells how far an upload is, as GET does."""
    location = (await client.patch(await client.begin(name), b"chunk", start=0)).headers["location"]

    response = await client.request("HEAD", location)

    assert (204, "0-4") == (response.status_code, response.headers["range"])


@proves("api-1")
async def test_conditional_pull(client: Client, name: str) -> None:
    """Content that the client has is not sent again."""
    manifest = await pushed(client, name, artifact())
    for path in (f"blobs/{digest_of(EMPTY)}", f"manifests/{manifest}"):
        first = await client.request("GET", f"/v2/{name}/{path}")
        second = await client.request("GET", f"/v2/{name}/{path}", headers={"if-none-match": first.headers["etag"]})

        assert (200, 304, b"") == (first.status_code, second.status_code, second.content)


@proves("api-1", "chunk-12", "put-20")
@pytest.mark.parametrize("size", [100_000, 5_000_000])
@pytest.mark.parametrize("what", ["manifest", "chunk", "digest", "upload", "name", "method"])
async def test_refusal_of_a_body(client: Client, name: str, what: str, size: int) -> None:
    """A client that sends its whole body before it reads gets the answer, and so does its next request."""
    body = bytes(size)
    location = await client.begin(name)
    asked: dict[str, tuple[str, str, dict[str, str], int]] = {
        "manifest": ("PUT", f"/v2/{name}/manifests/a", OCI, 413 if size > 4_194_304 else 400),
        "chunk": ("PATCH", location, {"content-range": f"7-{size + 6}"}, 416),
        "digest": ("POST", f"/v2/{name}/blobs/uploads/?digest=sha256:abc", {}, 400),
        "upload": ("PATCH", f"/v2/{name}/{UPLOAD}", {}, 404),
        "name": ("POST", "/v2/UPPER/blobs/uploads/", {}, 400),
        "method": ("POST", f"/v2/{name}/blobs/{ABSENT}", {}, 405),
    }
    method, path, headers, status = asked[what]
    for _ in range(5):
        response = await client.request(method, path, headers=headers, body=body)

        assert status == response.status_code
        assert 200 == (await client.request("GET", "/v2/")).status_code
