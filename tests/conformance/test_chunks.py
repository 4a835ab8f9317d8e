"""Pushing blobs in chunks, asking how far an upload is, and cancelling it."""

from datetime import timedelta

import httpx
import pytest

from holdfast.registry.maintenance.purging import DEFAULT_AGE, purge_uploads
from tests.conformance.deployment import Deploy, Place
from tests.conformance.requirements import proves
from tests.registry.client import Client, digest_of, error_code, stream
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

BLOB = bytes(range(256)) * 12
DIGEST = digest_of(BLOB)
ABSENT = "01234567-89ab-cdef-0123-456789abcdef"


async def put(client: Client, location: str, start: int, end: int) -> httpx.Response:
    """Close an upload of the blob with its last chunk, the bytes from `start` on."""
    return await client.finish(location, DIGEST, BLOB[start:end], {"content-range": f"{start}-{end - 1}"})


def assert_progress(response: httpx.Response, status: int, size: int) -> str:
    """Check an answer that says how far an upload is; return where it goes on."""
    assert (status, f"0-{size - 1}") == (response.status_code, response.headers["range"])
    location: str = response.headers["location"]
    return location


@proves("chunk-8", "chunk-9", "chunk-10", "chunk-13", "chunk-15", "chunk-17", "end-5", "end-6")
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("told", [{}, {"digest-algorithm": "sha256"}, {"digest-algorithm": "sha512"}], ids=str)
async def test_chunks(client: Client, name: str, algorithm: str, told: dict[str, str]) -> None:
    """Chunks of any size make a blob, whatever algorithm was told; each tells its last byte and where to go on."""
    digest = digest_of(BLOB, algorithm)
    location = await client.begin(name, **told)
    for start, end in [(0, 1000), (1000, 1001), (1001, len(BLOB))]:
        location = assert_progress(await client.patch(location, BLOB[start:end], start=start), 202, end)

    response = await client.finish(location, digest)

    assert 201 == response.status_code
    assert BLOB == (await client.request("GET", response.headers["location"])).content
    assert BLOB == (await client.get_blob(digest, name)).content


@proves("chunk-13", "chunk-15", "chunk-17", "end-6")
async def test_last_chunk_in_the_put(client: Client, name: str) -> None:
    """The last chunk may come with the PUT that closes the upload."""
    location = assert_progress(await client.patch(await client.begin(name), BLOB[:1000], start=0), 202, 1000)

    response = await put(client, location, 1000, len(BLOB))

    assert 201 == response.status_code
    assert BLOB == (await client.request("GET", response.headers["location"])).content


@proves("chunk-17", "end-6")
async def test_only_chunk_in_the_put(client: Client, name: str) -> None:
    """A PUT may bring the only chunk there is."""
    response = await put(client, await client.begin(name), 0, len(BLOB))

    assert 201 == response.status_code
    assert BLOB == (await client.get_blob(DIGEST, name)).content


@proves("chunk-9", "end-5")
async def test_stream(client: Client, name: str) -> None:
    """A PATCH without Content-Range and length appends what comes."""
    location = await client.begin(name)
    location = assert_progress(await client.patch(location, stream(BLOB[:700], BLOB[700:1500])), 202, 1500)
    location = assert_progress(await client.patch(location, stream(BLOB[1500:])), 202, len(BLOB))

    assert 201 == (await client.finish(location, DIGEST)).status_code
    assert BLOB == (await client.get_blob(DIGEST, name)).content


@proves("chunk-5", "chunk-11", "chunk-12", "chunk-19", "chunk-20", "end-5", "end-13")
@pytest.mark.parametrize("arrived", [0, 1000])
@pytest.mark.parametrize("start", [500, 999, 1001, 2000, 0])
async def test_chunk_out_of_order(client: Client, name: str, arrived: int, start: int) -> None:
    """A chunk that leaves a gap, or overlaps, answers 416; the upload then tells where it is, and goes on there."""
    location = await client.begin(name)
    if arrived:
        location = assert_progress(await client.patch(location, BLOB[:arrived], start=0), 202, arrived)
    elif start == 0:
        start = 1

    refused = await client.patch(location, BLOB[start : start + 100], start=start)
    asked = await client.request("GET", location)

    assert 416 == refused.status_code
    assert 204 == asked.status_code
    assert f"0-{max(arrived - 1, 0)}" == asked.headers["range"]
    going_on = await client.patch(asked.headers["location"], BLOB[arrived:], start=arrived)
    assert 201 == (await client.finish(assert_progress(going_on, 202, len(BLOB)), DIGEST)).status_code
    assert BLOB == (await client.get_blob(DIGEST, name)).content


@proves("chunk-18", "chunk-19", "end-6", "end-13")
@pytest.mark.parametrize("start", [0, 999, 1001])
async def test_last_chunk_out_of_order(client: Client, name: str, start: int) -> None:
    """A last chunk out of order answers 416 and ends nothing: the right one is taken after it."""
    location = assert_progress(await client.patch(await client.begin(name), BLOB[:1000], start=0), 202, 1000)

    refused = await put(client, location, start, len(BLOB))
    location = assert_progress(await client.request("GET", location), 204, 1000)

    assert 416 == refused.status_code
    assert 404 == (await client.get_blob(DIGEST, name)).status_code
    assert 201 == (await put(client, location, 1000, len(BLOB))).status_code
    assert BLOB == (await client.get_blob(DIGEST, name)).content


@proves("chunk-4", "chunk-6", "end-5")
@pytest.mark.parametrize(
    "header",
    ["bytes 0-99/100", "0-", "-99", "0", "a-b", "0-99/*", "99-0", "0--99", "0-98", "0-100", "+0-99"],
)
async def test_chunk_of_a_wrong_range(client: Client, name: str, header: str) -> None:
    """A Content-Range that isn't two numbers, or isn't as long as the body, is refused, and nothing is taken."""
    location = await client.begin(name)

    refused = await client.request("PATCH", location, headers={"content-range": header}, body=BLOB[:100])

    assert refused.status_code in {400, 416}
    assert "errors" in refused.json()
    location = assert_progress(await client.patch(location, BLOB[:10], start=0), 202, 10)


@proves("chunk-19", "end-13")
@pytest.mark.parametrize("size", [1, 1000])
async def test_progress(client: Client, name: str, size: int) -> None:
    """An open upload tells how much of it has come, from any of its locations."""
    first = await client.begin(name)
    second = assert_progress(await client.patch(first, BLOB[:size], start=0), 202, size)

    for location in (first, second):
        assert_progress(await client.request("GET", location), 204, size)


@proves("end-13", "end-14", "end-5")
async def test_no_upload(client: Client, name: str) -> None:
    """An upload that isn't there is not found, whatever is asked of it."""
    location = f"/v2/{name}/blobs/uploads/{ABSENT}"
    answers = [
        await client.request("GET", location),
        await client.request("DELETE", location),
        await client.patch(location, BLOB, start=0),
        await client.finish(location, DIGEST, BLOB),
    ]

    assert [(404, "BLOB_UPLOAD_UNKNOWN")] * 4 == [(answer.status_code, error_code(answer)) for answer in answers]


@proves("chunk-14")
async def test_put_is_what_makes_a_blob(client: Client, name: str) -> None:
    """All chunks together are no blob until the PUT."""
    location = assert_progress(await client.patch(await client.begin(name), BLOB, start=0), 202, len(BLOB))

    assert 404 == (await client.head_blob(DIGEST, name)).status_code
    assert 201 == (await client.finish(location, DIGEST)).status_code
    assert 200 == (await client.head_blob(DIGEST, name)).status_code
    assert 404 == (await client.request("GET", location)).status_code


@proves("push-4", "chunk-16", "end-6")
@pytest.mark.parametrize(
    "digest", [digest_of(b"other"), digest_of(b"other", "sha512"), "sha256:abc", "md5:" + "a" * 32]
)
async def test_wrong_digest_of_chunks(client: Client, name: str, digest: str) -> None:
    """Chunks that are closed with a digest that isn't theirs make no blob."""
    location = assert_progress(await client.patch(await client.begin(name), BLOB, start=0), 202, len(BLOB))

    response = await client.finish(location, digest)

    assert (400, "DIGEST_INVALID") == (response.status_code, error_code(response))
    assert 404 == (await client.head_blob(DIGEST, name)).status_code


@proves("chunk-3", "chunk-7", "chunk-8")
@pytest.mark.parametrize("least", [0, 1000])
async def test_minimum_size_of_chunks(deploy: Deploy, name: str, least: int) -> None:
    """A new upload tells its minimum size of chunks, if it has one: chunks of a byte are taken where none is told."""
    async with deploy(min_chunk=least) as client:
        begun = await client.request("POST", f"/v2/{name}/blobs/uploads/", body=b"")
        location, size = begun.headers["location"], least or 1
        blob = BLOB[: 2 * size + 1]
        for start in range(0, len(blob), size):
            end = min(start + size, len(blob))
            location = assert_progress(await client.patch(location, blob[start:end], start=start), 202, end)

        assert str(least) == begun.headers.get("oci-chunk-min-length", "0")
        assert 201 == (await client.finish(location, digest_of(blob))).status_code
        assert blob == (await client.get_blob(digest_of(blob), name)).content


@proves("chunk-1", "end-4a")
async def test_post_with_and_without_length(client: Client, name: str) -> None:
    """A POST that has no body may say so, or say nothing."""
    path = f"/v2/{name}/blobs/uploads/"
    answers = [
        await client.request("POST", path, headers={"content-length": "0"}, body=b""),
        await client.request("POST", path),
    ]

    assert [202, 202] == [answer.status_code for answer in answers]


@proves("cancel-1", "cancel-2", "end-14", "end-13", "end-5")
async def test_cancel(client: Client, name: str) -> None:
    """A cancelled upload is gone, with what it had received."""
    last = assert_progress(await client.patch(await client.begin(name), BLOB[:1000], start=0), 202, 1000)

    cancelled = await client.request("DELETE", last, headers={"content-length": "0"})

    assert (204, b"") == (cancelled.status_code, cancelled.content)
    assert 404 == (await client.request("GET", last)).status_code
    assert 404 == (await client.finish(last, digest_of(BLOB[:1000]))).status_code
    assert 404 == (await client.head_blob(digest_of(BLOB[:1000]), name)).status_code


@proves("cancel-1", "end-14", "end-13")
async def test_cancel_at_once(client: Client, place: Place, name: str) -> None:
    """An upload that has received nothing is gone for whom it was cancelled at: no other registry ever knew of it."""

    async def same_again(method: str, path: str, **params: str) -> int:
        for _ in range(place.replicas - 1):
            await client.request("GET", "/v2/")
        return (await client.request(method, path, params=params, body=b"")).status_code

    location = await client.begin(name)

    assert 204 == (await client.request("DELETE", location)).status_code
    assert 404 == await same_again("GET", location)
    assert 404 == await same_again("PUT", location, digest=digest_of(b""))
    assert 404 == (await client.head_blob(digest_of(b""), name)).status_code


@proves("cancel-3", "cancel-4", "end-13")
async def test_upload_that_nobody_finishes(client: Client, storage: Storage, name: str) -> None:
    """An upload that has been left alone for long is removed with what it had received; a young one isn't."""
    location = assert_progress(await client.patch(await client.begin(name), BLOB, start=0), 202, len(BLOB))

    young = [upload.path async for upload in purge_uploads(storage.driver, older_than=DEFAULT_AGE)]
    assert_progress(await client.request("GET", location), 204, len(BLOB))
    old = [
        upload.error async for upload in purge_uploads(storage.driver, older_than=timedelta()) if name in upload.path
    ]

    assert ([], [None]) == (young, old)
    assert 404 == (await client.request("GET", location)).status_code
    assert [] == [
        path for path in await storage.files() if path.startswith(f"/docker/registry/v2/repositories/{name}/_uploads")
    ]
