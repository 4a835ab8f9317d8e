"""Pushing blobs whole: a POST and a PUT, or a POST alone."""

import re

import pytest

from holdfast.registry.http.urls import Urls
from tests.conformance.deployment import Deploy
from tests.conformance.requirements import proves
from tests.registry.client import OCI_INDEX, Client, digest_of, error_code, make_index, stream

pytestmark = pytest.mark.anyio

BLOB = bytes(range(256)) * 8
OTHER = digest_of(b"something else")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
WRONG_DIGESTS = {
    "of other content": OTHER,
    "of other content, sha512": digest_of(b"something else", "sha512"),
    "too short": "sha256:abc",
    "in capitals": "sha256:" + "A" * 64,
    "of an unknown algorithm": "md5:" + "a" * 32,
    "of a known, unregistered algorithm": "sha384:" + "a" * 96,
    "no digest": "latest",
    "empty": "",
}


async def post(client: Client, name: str, digest: str, body: bytes = BLOB) -> tuple[int, str]:
    """Push a blob with a POST alone; return the status and the location."""
    response = await client.request("POST", f"/v2/{name}/blobs/uploads/", params={"digest": digest}, body=body)
    return response.status_code, response.headers.get("location", "")


async def has(client: Client, name: str, digest: str, body: bytes = BLOB) -> bool:
    """Whether the repository serves the blob, whole."""
    response = await client.get_blob(digest, name)
    return (200, body) == (response.status_code, response.content)


@proves("upload-1", "upload-2", "upload-3", "upload-4", "end-4a", "general-2")
async def test_begin(client: Client, name: str) -> None:
    """Each new upload has a location of its own, with a UUID in it, that can be used as it is."""
    answers = [await client.request("POST", f"/v2/{name}/blobs/uploads/", body=b"") for _ in range(2)]
    locations = [answer.headers["location"] for answer in answers]
    names = [UUID.search(location) for location in locations]

    assert [202, 202] == [answer.status_code for answer in answers]
    assert all(location.startswith(("http://registry.test/", "/")) for location in locations)
    assert all(names)
    assert locations[0] != locations[1]
    assert [204, 204] == [(await client.request("GET", location)).status_code for location in locations]


@proves("upload-3", "upload-4", "upload-5")
@pytest.mark.parametrize(("relative", "beginning"), [(False, "http://registry.test/v2/"), (True, "/v2/")])
async def test_forms_of_locations(deploy: Deploy, name: str, relative: bool, beginning: str) -> None:  # noqa: FBT001 - a parameter
    """Locations are all absolute, or all relative as the configuration has it, and work either way."""
    async with deploy(urls=Urls(relative=relative)) as client:
        begun = await client.begin(name)
        patched = (await client.patch(begun, BLOB)).headers["location"]
        asked = (await client.request("GET", patched)).headers["location"]
        blob = (await client.finish(asked, digest_of(BLOB))).headers["location"]
        manifest = (await client.put_manifest("latest", make_index([]).manifest, OCI_INDEX, name)).headers["location"]

        assert all(location.startswith(beginning) for location in (begun, patched, asked, blob, manifest))
        assert BLOB == (await client.request("GET", blob)).content
        assert make_index([]).manifest == (await client.request("GET", manifest)).content


@proves("upload-7", "end-6", "image-1", "image-3")
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("body", [BLOB, b"", b"{}"], ids=["content", "empty", "empty JSON"])
@pytest.mark.parametrize("told", [True, False], ids=["algorithm told", "algorithm not told"])
async def test_post_then_put(client: Client, name: str, algorithm: str, body: bytes, told: bool) -> None:  # noqa: FBT001 - a parameter
    """A blob that is pushed with a POST and a PUT is at the location of the answer, an empty one too."""
    digest = digest_of(body, algorithm)
    location = await client.begin(name, **({"digest-algorithm": algorithm} if told else {}))
    response = await client.finish(location, digest, body, {"content-type": "application/octet-stream"})

    assert 201 == response.status_code
    assert digest == response.headers["docker-content-digest"]
    assert body == (await client.request("GET", response.headers["location"])).content
    assert await has(client, name, digest, body)


@proves("upload-7", "end-6")
async def test_put_of_unknown_length(client: Client, name: str) -> None:
    """A body without Content-Length is taken to its end."""
    response = await client.finish(await client.begin(name), digest_of(BLOB), stream(BLOB[:100], BLOB[100:]))

    assert 201 == response.status_code
    assert await has(client, name, digest_of(BLOB))


@proves("single-1", "single-4a", "single-5", "end-4b")
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("body", [BLOB, b""], ids=["content", "empty"])
async def test_single_post(client: Client, name: str, algorithm: str, body: bytes) -> None:
    """A blob that is pushed with one POST is at the location of the answer."""
    digest = digest_of(body, algorithm)
    status, location = await post(client, name, digest, body)

    assert 201 == status
    assert body == (await client.request("GET", location)).content
    assert await has(client, name, digest, body)


@proves("push-4", "end-6", "single-3")
@pytest.mark.parametrize("digest", WRONG_DIGESTS.values(), ids=WRONG_DIGESTS)
async def test_put_of_a_wrong_digest(client: Client, name: str, digest: str) -> None:
    """A PUT whose digest is malformed, unknown or wrong answers 400, and no blob is there."""
    response = await client.finish(await client.begin(name), digest, BLOB)

    assert (400, "DIGEST_INVALID") == (response.status_code, error_code(response))
    assert not await has(client, name, digest_of(BLOB))
    assert not await has(client, name, OTHER)


@proves("push-4", "end-4b", "single-3")
@pytest.mark.parametrize("digest", WRONG_DIGESTS.values(), ids=WRONG_DIGESTS)
async def test_post_of_a_wrong_digest(client: Client, name: str, digest: str) -> None:
    """A single POST whose digest is malformed, unknown or wrong answers 400, and no blob is there."""
    status, _ = await post(client, name, digest)

    assert 400 == status
    assert not await has(client, name, digest_of(BLOB))
    assert not await has(client, name, OTHER)


@proves("chunk-16", "push-4", "end-6")
async def test_put_without_digest(client: Client, name: str) -> None:
    """A PUT that names no digest answers 400."""
    response = await client.request("PUT", await client.begin(name), body=BLOB)

    assert (400, "DIGEST_INVALID") == (response.status_code, error_code(response))


@proves("push-4", "end-4c", "chunk-2")
async def test_algorithms(client: Client, name: str) -> None:
    """An upload begins for each algorithm that is known, and for no other."""
    statuses = {
        algorithm: (
            await client.request("POST", f"/v2/{name}/blobs/uploads/", params={"digest-algorithm": algorithm})
        ).status_code
        for algorithm in ("sha256", "sha512", "md5", "SHA256")
    }

    assert {"sha256": 202, "sha512": 202, "md5": 400, "SHA256": 400} == statuses


@proves("push-4", "end-6")
async def test_put_of_another_algorithm_than_told(client: Client, name: str) -> None:
    """What counts is the digest of the PUT: the algorithm told before is a hint."""
    digest = digest_of(BLOB, "sha512")
    response = await client.finish(await client.begin(name, **{"digest-algorithm": "sha256"}), digest, BLOB)

    assert 201 == response.status_code
    assert await has(client, name, digest)


@proves("end-6", "end-5")
async def test_unknown_upload(client: Client, name: str) -> None:
    """An upload that was never begun, or of another repository, is not found."""
    location = f"/v2/{name}/blobs/uploads/01234567-89ab-cdef-0123-456789abcdef"
    answers = [
        await client.finish(location, digest_of(BLOB), BLOB),
        await client.patch(location, BLOB),
        await client.request("GET", location),
        await client.request("DELETE", location),
        await client.request("GET", (await client.begin(name)).replace(name, f"{name}/other")),
    ]

    assert [(404, "BLOB_UPLOAD_UNKNOWN")] * 5 == [(answer.status_code, error_code(answer)) for answer in answers]


@proves("single-2", "end-6")
async def test_blob_is_there_after_its_put_alone(client: Client, name: str) -> None:
    """Neither an upload that began nor one that failed leaves a blob; a second try with the right digest does."""
    digest = digest_of(BLOB)
    location = await client.begin(name)
    assert not await has(client, name, digest)
    assert 400 == (await client.finish(location, OTHER, BLOB)).status_code
    assert not await has(client, name, digest)

    assert 201 == (await client.finish(await client.begin(name), digest, BLOB)).status_code
    assert await has(client, name, digest)
