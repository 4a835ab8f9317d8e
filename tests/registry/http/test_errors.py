"""Errors of storage, as a client sees them: never "not found", never what only the operator may know."""

import pytest

from holdfast.registry.errors import UploadOffsetError
from holdfast.registry.http.errors import from_exception
from holdfast.registry.store.uploads import SMALL_BLOB_BYTES
from holdfast.storage import errors
from holdfast.storage.driver import StorageDriver
from holdfast.storage.errors import StorageError
from holdfast.testing.drivers import Fault, FaultPlan, FaultyDriver
from tests.registry.client import NAME, Client, digest_of, error_code, make_image
from tests.registry.storages import Storage, inmemory

pytestmark = pytest.mark.anyio

IMAGE = make_image()
BLOB = digest_of(IMAGE.blobs[0])

EXPECTED = {
    errors.ThrottledError: (429, "TOOMANYREQUESTS", "1"),
    errors.StorageTimeoutError: (503, "UNAVAILABLE", "1"),
    errors.StorageUnavailableError: (503, "UNAVAILABLE", "1"),
    errors.IncompleteReadError: (503, "UNAVAILABLE", "1"),
    errors.WriteConflictError: (503, "UNAVAILABLE", "1"),
    errors.StorageFullError: (507, "UNAVAILABLE", None),
    errors.ReadOnlyStorageError: (405, "UNSUPPORTED", None),
    errors.AccessDeniedError: (500, "UNKNOWN", None),
    errors.InvalidPathError: (500, "UNKNOWN", None),
    errors.InvalidOffsetError: (500, "UNKNOWN", None),
    errors.InvalidResumeTokenError: (500, "UNKNOWN", None),
    errors.PreconditionFailedError: (500, "UNKNOWN", None),
    errors.UnsupportedOperationError: (500, "UNKNOWN", None),
    errors.WriterClosedError: (500, "UNKNOWN", None),
    errors.UnexpectedStorageError: (500, "UNKNOWN", None),
}

REQUESTS = {
    "manifest by tag": ("GET", f"/v2/{NAME}/manifests/tag", "get_content"),
    "manifest by digest": ("GET", f"/v2/{NAME}/manifests/{IMAGE.digest}", "stat"),
    "manifest head": ("HEAD", f"/v2/{NAME}/manifests/tag", "get_content"),
    "manifest put": ("PUT", f"/v2/{NAME}/manifests/other", "stat"),
    "manifest delete": ("DELETE", f"/v2/{NAME}/manifests/{IMAGE.digest}", "walk"),
    "tag delete": ("DELETE", f"/v2/{NAME}/manifests/tag", "delete"),
    "blob": ("GET", f"/v2/{NAME}/blobs/{BLOB}", "stat"),
    "blob's data": ("GET", f"/v2/{NAME}/blobs/{BLOB}", "reader"),
    "blob's first bytes": ("GET", f"/v2/{NAME}/blobs/{BLOB}", "read"),
    "blob head": ("HEAD", f"/v2/{NAME}/blobs/{BLOB}", "stat"),
    "blob delete": ("DELETE", f"/v2/{NAME}/blobs/{BLOB}", "delete"),
    "tags": ("GET", f"/v2/{NAME}/tags/list", "list"),
    "catalog": ("GET", "/v2/_catalog", "list"),
    "mount": ("POST", f"/v2/{NAME}/blobs/uploads/?mount={BLOB}&from=other", "stat"),
    "upload without state": ("GET", f"/v2/{NAME}/blobs/uploads/01234567-89ab-cdef-0123-456789abcdef", "stat"),
}


@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.__name__)
async def test_of_storage(kind: type[StorageError]) -> None:
    """Each error of storage has its status, wherever it happens; its path and its words stay with the operator."""
    storage = inmemory()
    faulty: list[FaultyDriver] = []

    def make_faulty(driver: StorageDriver) -> StorageDriver:
        faulty.append(FaultyDriver(driver))
        return faulty[0]

    async with storage.client() as client:
        await client.push_image(IMAGE, "tag")
    status, code, retry_after = EXPECTED[kind]
    for what, (method, path, op) in REQUESTS.items():
        async with storage.client(make_faulty) as client:
            faulty[0].plan = FaultPlan(faults=[Fault(op=op, times=None, error=kind)])
            body = IMAGE.manifest if method == "PUT" else None
            response = await client.request(method, path, headers={"content-type": IMAGE.media_type}, body=body)

            assert 1 <= faulty.pop().injected, what
            assert (status, retry_after) == (response.status_code, response.headers.get("retry-after")), what
            if method != "HEAD":
                assert code == error_code(response), what
                for secret in ("injected", "/docker", "inmemory", "Traceback"):
                    assert secret not in response.text, what


def test_every_error_of_storage() -> None:
    """The table above leaves no error out but those that are answered elsewhere."""
    kinds = {getattr(errors, name) for name in errors.__all__}
    concrete = {kind for kind in kinds if issubclass(kind, StorageError)} - {StorageError}

    assert concrete - {errors.PathNotFoundError, errors.BatchDeleteError} == set(EXPECTED)


@pytest.mark.parametrize(("asked", "told"), [(None, "1"), (0.2, "1"), (7.4, "7"), (30, "30")])
def test_retry_after(asked: float | None, told: str) -> None:
    """How long the backend asks to wait is handed on, in whole seconds, one at least."""
    error = from_exception(errors.ThrottledError(retry_after=asked))

    assert {"Retry-After": told} == error.headers


@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.__name__)
def test_of_many_deletes(kind: type[StorageError]) -> None:
    """A batch that failed is answered as what it failed of; what can't be tried again weighs more than what can."""
    status, code, retry_after = EXPECTED[kind]
    failures = {"/a": errors.ThrottledError(), "/b": kind()} if not kind.retryable else {"/b": kind()}
    error = from_exception(errors.BatchDeleteError(failures))

    assert (status, code, retry_after) == (error.status, error.code.code, error.headers.get("Retry-After"))


def test_of_a_bug() -> None:
    """What nobody expected says nothing of itself."""
    error = from_exception(ZeroDivisionError("secret"))

    assert (500, "UNKNOWN", (None,)) == (error.status, error.code.code, error.details)


def test_offset_needs_its_handler() -> None:
    """An upload's offset error can only be answered with the upload's location."""
    with pytest.raises(TypeError):
        from_exception(UploadOffsetError(1, 2))


async def test_in_the_middle_of_a_body(storage: Storage) -> None:
    """A read that fails in the middle breaks the answer off: it can't be mistaken for a whole one."""
    content = b"x" * (3 * SMALL_BLOB_BYTES)
    async with storage.client() as client:
        digest = await client.push_blob(content)
    fault = Fault(op="read", when="within", keep=SMALL_BLOB_BYTES + 5, times=None)
    async with storage.client(lambda driver: FaultyDriver(driver, fault)) as client:
        with pytest.raises(errors.StorageUnavailableError):
            await client.get_blob(digest)


async def test_failed_answers_leave_nothing_open(storage: Storage) -> None:
    """After a failed read the registry answers as before."""
    faulty: list[FaultyDriver] = []

    def make_faulty(driver: StorageDriver) -> StorageDriver:
        faulty.append(FaultyDriver(driver, Fault(op="reader")))
        return faulty[0]

    async with storage.client() as client:
        digest = await client.push_blob(IMAGE.blobs[0])
    async with storage.client(make_faulty) as client:
        failed: Client = client
        assert 503 == (await failed.get_blob(digest)).status_code
        assert IMAGE.blobs[0] == (await failed.get_blob(digest)).content
