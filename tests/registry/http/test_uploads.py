import pytest

from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths
from holdfast.registry.store.uploads import SMALL_BLOB_BYTES
from tests.registry.client import NAME, Client, digest_of, error_code, stream
from tests.registry.http.uploading import LARGE, SMALL, assert_nothing_left, assert_stored, pieces
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio


def uuid_of(location: str) -> str:
    """The upload that a location is of."""
    return location.partition("?")[0].rpartition("/")[2]


# All in one request -------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize(
    "content",
    [b"", b"x", SMALL, LARGE[:SMALL_BLOB_BYTES], LARGE[: SMALL_BLOB_BYTES + 1], LARGE],
    ids=["empty", "one", "small", "limit", "above", "large"],
)
@pytest.mark.parametrize("how", ["POST", "POST, streamed", "PUT", "PUT, streamed"])
async def test_whole(storage: Storage, client: Client, how: str, content: bytes, algorithm: str) -> None:
    """A body that comes with its digest becomes a blob, whatever its size; nothing else is left."""
    digest = digest_of(content, algorithm)
    body = stream(*pieces(content)) if "streamed" in how else content
    if how.startswith("POST"):
        response = await client.request("POST", f"/v2/{NAME}/blobs/uploads/", params={"digest": digest}, body=body)
    else:
        response = await client.finish(await client.begin(), digest, body)

    assert 201 == response.status_code, response.text
    assert f"{client.http.base_url}/v2/{NAME}/blobs/{digest}" == response.headers["location"]
    assert digest == response.headers["docker-content-digest"]
    await assert_stored(client, content, algorithm)
    await assert_nothing_left(storage)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("how", ["POST", "PUT", "PATCH"])
async def test_wrong_digest(storage: Storage, client: Client, how: str, content: bytes) -> None:
    """Content that isn't what its digest says is refused, and nothing of it is stored."""
    digest = digest_of(b"other")
    if how == "POST":
        response = await client.request("POST", f"/v2/{NAME}/blobs/uploads/", params={"digest": digest}, body=content)
    elif how == "PUT":
        response = await client.finish(await client.begin(), digest, content)
    else:
        location = (await client.patch(await client.begin(), content)).headers["location"]
        response = await client.finish(location, digest)
        assert 404 == (await client.request("GET", location)).status_code

    assert (400, "DIGEST_INVALID") == (response.status_code, error_code(response))
    assert {} == await storage.files()
    assert [] == await storage.uploads()


async def test_wrong_algorithm_is_no_shortcut(storage: Storage, client: Client) -> None:
    """A digest of another algorithm than the upload was begun with is checked by reading."""
    location = (await client.patch(await client.begin(), LARGE)).headers["location"]
    wrong = await client.finish(location, digest_of(b"other", "sha512"))
    location = (await client.patch(await client.begin(), LARGE)).headers["location"]
    right = await client.finish(location, digest_of(LARGE, "sha512"))

    assert (400, 201) == (wrong.status_code, right.status_code)
    await assert_stored(client, LARGE, "sha512")
    await assert_nothing_left(storage)


async def test_begun_with_algorithm(client: Client) -> None:
    """An upload can be begun with the algorithm that its digest will have."""
    location = await client.begin(**{"digest-algorithm": "sha512"})
    location = (await client.patch(location, LARGE)).headers["location"]

    assert 201 == (await client.finish(location, digest_of(LARGE, "sha512"))).status_code
    await assert_stored(client, LARGE, "sha512")


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_put_without_digest(client: Client, content: bytes) -> None:
    """A PUT must bring the digest; the upload stays open."""
    location = await client.begin()
    response = await client.request("PUT", location, body=content)

    assert (400, "DIGEST_INVALID") == (response.status_code, error_code(response))
    assert 201 == (await client.finish(location, digest_of(content), content)).status_code


# In requests of its own ---------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
async def test_streamed(storage: Storage, client: Client, content: bytes) -> None:
    """POST, one PATCH with all, empty PUT: what docker does."""
    location = await client.begin()
    response = await client.patch(location, stream(*pieces(content)))

    assert 202 == response.status_code
    assert f"0-{max(len(content) - 1, 0)}" == response.headers["range"]
    assert uuid_of(location) == response.headers["docker-upload-uuid"]
    finished = await client.finish(response.headers["location"], digest_of(content))
    assert 201 == finished.status_code, finished.text
    await assert_stored(client, content)
    await assert_nothing_left(storage)


@pytest.mark.parametrize("last_in_put", [True, False])
async def test_chunks(storage: Storage, client: Client, last_in_put: bool) -> None:  # noqa: FBT001
    """Chunks with their ranges, in order, the last one by PATCH or by PUT; the state is told in between."""
    location = await client.begin()
    chunks = pieces(LARGE)
    sent = 0
    for chunk in chunks[:-1]:
        response = await client.patch(location, chunk, start=sent)
        sent += len(chunk)
        assert (202, f"0-{sent - 1}") == (response.status_code, response.headers["range"])
        location = response.headers["location"]
        told = await client.request("GET", location)
        assert (204, f"0-{sent - 1}") == (told.status_code, told.headers["range"])
        location = told.headers["location"]
    if last_in_put:
        headers = {"content-range": f"{sent}-{len(LARGE) - 1}"}
        response = await client.finish(location, digest_of(LARGE), chunks[-1], headers)
    else:
        response = await client.patch(location, chunks[-1], start=sent)
        response = await client.finish(response.headers["location"], digest_of(LARGE))

    assert 201 == response.status_code, response.text
    await assert_stored(client, LARGE)
    await assert_nothing_left(storage)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("start", [0, 4, 6, 100])
async def test_out_of_order(storage: Storage, client: Client, method: str, start: int) -> None:
    """A chunk that doesn't follow is refused with where the upload stands, and the upload goes on."""
    location = (await client.patch(await client.begin(), b"01234")).headers["location"]
    headers = {"content-range": f"{start}-{start + 2}"}
    params = {"digest": digest_of(b"01234567")} if method == "PUT" else None
    response = await client.request(method, location, headers=headers, body=b"567", params=params)

    assert (416, "BLOB_UPLOAD_INVALID") == (response.status_code, error_code(response))
    assert "0-4" == response.headers["range"]
    location = response.headers["location"]
    assert 202 == (await client.patch(location, b"567", start=5)).status_code
    assert 201 == (await client.finish(location, digest_of(b"01234567"))).status_code
    await assert_nothing_left(storage)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_first_chunk_out_of_order(storage: Storage, client: Client, method: str) -> None:
    """The first chunk of an upload starts at 0."""
    location = await client.begin()
    params = {"digest": digest_of(b"x")} if method == "PUT" else None
    response = await client.request(method, location, headers={"content-range": "1-1"}, body=b"x", params=params)

    assert (416, "0-0") == (response.status_code, response.headers["range"])
    assert {} == await storage.files()
    assert 202 == (await client.patch(response.headers["location"], b"x", start=0)).status_code


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("bytes 0-2/3", 400, "BLOB_UPLOAD_INVALID"),
        ("2-0", 400, "BLOB_UPLOAD_INVALID"),
        ("0-1", 400, "SIZE_INVALID"),
        ("0-3", 400, "SIZE_INVALID"),
    ],
)
async def test_malformed_chunk(client: Client, header: str, status: int, code: str) -> None:
    """A chunk's range must be well-formed and as long as the body."""
    response = await client.request("PATCH", await client.begin(), headers={"content-range": header}, body=b"012")

    assert (status, code) == (response.status_code, error_code(response))


@pytest.mark.parametrize("header", ["0-1", "0-3"])
async def test_chunk_of_unknown_length(client: Client, header: str) -> None:
    """A chunk is as long as its range says, also when its length isn't announced."""
    location = await client.begin()
    body = stream(b"0", b"12")
    response = await client.request("PATCH", location, headers={"content-range": header}, body=body)

    assert (400, "SIZE_INVALID") == (response.status_code, error_code(response))


async def test_state_of_a_new_upload(storage: Storage, client: Client) -> None:
    """An upload of which nothing was stored stands at 0."""
    response = await client.request("GET", await client.begin())

    assert (204, "0-0", b"") == (response.status_code, response.headers["range"], response.content)
    assert {} == await storage.files()
    location = response.headers["location"]
    assert 201 == (await client.finish(location, digest_of(SMALL), SMALL)).status_code


async def test_location_without_state(client: Client) -> None:
    """A client that drops a location's query is served once storage has the upload, and not before."""
    location = (await client.begin()).partition("?")[0]

    assert 404 == (await client.request("GET", location)).status_code
    location = (await client.patch(await client.begin(), SMALL)).headers["location"].partition("?")[0]
    told = await client.request("GET", location)
    assert (204, f"0-{len(SMALL) - 1}") == (told.status_code, told.headers["range"])
    assert 202 == (await client.patch(location, b"more")).status_code
    assert 201 == (await client.finish(location, digest_of(SMALL + b"more"))).status_code
    assert 404 == (await client.request("GET", location)).status_code


# The end of an upload -----------------------------------------------------------------------------


@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("end", ["finished", "finished at once", "cancelled", "cancelled at once"])
async def test_ended(storage: Storage, client: Client, end: str, method: str, with_state: bool) -> None:  # noqa: FBT001
    """An upload that was finished or cancelled is unknown afterwards, whatever is asked of it."""
    location = await client.begin()
    if "at once" not in end:
        location = (await client.patch(location, SMALL)).headers["location"]
    if end == "finished":
        assert 201 == (await client.finish(location, digest_of(SMALL))).status_code
    elif end == "finished at once":
        assert 201 == (await client.finish(location, digest_of(SMALL), SMALL)).status_code
    else:
        assert 204 == (await client.request("DELETE", location)).status_code
    before = await storage.files()
    location = location if with_state else location.partition("?")[0]
    params = {"digest": digest_of(b"x")} if method == "PUT" else None
    response = await client.request(method, location, params=params, body=b"x" if method != "GET" else None)

    assert (404, "BLOB_UPLOAD_UNKNOWN") == (response.status_code, error_code(response))
    assert before == await storage.files()
    await assert_nothing_left(storage)


async def test_ended_elsewhere(shared_storage: Storage) -> None:
    """An upload that another replica finished or cancelled is unknown here as well."""
    async with shared_storage.client() as here, shared_storage.client() as there:
        finished = (await here.patch(await here.begin(), SMALL)).headers["location"]
        cancelled = (await here.patch(await here.begin(), SMALL)).headers["location"]
        assert 201 == (await there.finish(finished, digest_of(SMALL))).status_code
        assert 204 == (await there.request("DELETE", cancelled)).status_code

        for location in (finished, cancelled):
            for method in ("GET", "PATCH", "DELETE"):
                assert 404 == (await here.request(method, location)).status_code
            assert 404 == (await here.finish(location, digest_of(SMALL))).status_code
    await assert_nothing_left(shared_storage)


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
async def test_forged_state(storage: Storage, client: Client, method: str) -> None:
    """A state that was changed, or is of another upload, repository or registry, is good for nothing."""
    location = (await client.patch(await client.begin(), SMALL)).headers["location"]
    path, _, state = location.partition("?_state=")
    other = (await client.patch(await client.begin("other"), SMALL)).headers["location"]
    async with storage.client(secret="another secret") as stranger:
        foreign = (await stranger.begin()).partition("?_state=")[2]
    last = "A" if state[10] != "A" else "B"
    forged = [
        f"{path}?_state={state[:10]}{last}{state[11:]}",
        f"{path}?_state={foreign}",
        f"{path}?_state={other.partition('?_state=')[2]}",
        location.replace(NAME, "other"),
        location.replace(uuid_of(location), uuid_of(other)),
    ]
    params = {"digest": digest_of(SMALL)} if method == "PUT" else None
    for target in forged:
        response = await client.request(method, target, params=params)

        assert (404, "BLOB_UPLOAD_UNKNOWN") == (response.status_code, error_code(response))
    assert 201 == (await client.finish(location, digest_of(SMALL))).status_code


async def test_secret_is_shared_through_storage(shared_storage: Storage) -> None:
    """Without a configured secret replicas agree on one, and an empty one, which a crash left, is replaced."""
    await shared_storage.put(paths.SECRET, b"")
    async with shared_storage.client(secret=None) as here, shared_storage.client(secret=None) as there:
        location = await here.begin()

        assert 201 == (await there.finish(location, digest_of(SMALL), SMALL)).status_code
    assert 32 <= len(await shared_storage.driver.get_content(paths.SECRET))


# Mounts -------------------------------------------------------------------------------------------


async def test_mount(storage: Storage, client: Client) -> None:
    """A blob of another repository is linked, not copied."""
    digest = await client.push_blob(SMALL, "source")
    response = await client.request("POST", f"/v2/{NAME}/blobs/uploads/", params={"mount": digest, "from": "source"})

    assert (201, digest) == (response.status_code, response.headers["location"].rpartition("/")[2])
    await assert_stored(client, SMALL)
    assert 1 == len([path for path in await storage.files() if path.endswith("/data")])


async def test_mount_without_source(client: Client) -> None:
    """A blob of whichever repository is linked where the client doesn't say which (distribution-spec, end-11)."""
    digest = await client.push_blob(SMALL, "source")
    response = await client.request("POST", f"/v2/{NAME}/blobs/uploads/", params={"mount": digest})

    assert 201 == response.status_code
    await assert_stored(client, SMALL)


@pytest.mark.parametrize(
    "case", ["absent", "of another repository", "content missing", "content empty", "link empty", "absent anywhere"]
)
async def test_mount_becomes_an_upload(storage: Storage, client: Client, case: str) -> None:
    """What can't be mounted, damaged content included, can be uploaded."""
    digest = digest_of(SMALL)
    source = "elsewhere" if case == "of another repository" else "source"
    if not case.startswith("absent"):
        await client.push_blob(SMALL, source)
    if case == "content missing":
        await storage.damage_blob(digest, None)
    if case == "content empty":
        await storage.damage_blob(digest, b"")
    if case == "link empty":
        await storage.put(paths.layer_link("source", Digest.of(SMALL)), b"")
    params = {"mount": digest} if case == "absent anywhere" else {"mount": digest, "from": "source"}
    response = await client.request("POST", f"/v2/{NAME}/blobs/uploads/", params=params)

    assert 202 == response.status_code
    assert 404 == (await client.head_blob(digest)).status_code
    assert 201 == (await client.finish(response.headers["location"], digest, SMALL)).status_code
    await assert_stored(client, SMALL)
