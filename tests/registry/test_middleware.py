"""Middleware around the registry and around each repository."""

import json
from ipaddress import ip_address

import pytest
from pydantic import Field
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.registry import middleware
from holdfast.registry.http.errors import ApiError
from holdfast.registry.middleware import Operation, Proceed, around_registry, repository_middleware
from holdfast.storage import DriverOptions
from holdfast.storage.client import client_address
from holdfast.storage.errors import InvalidMiddlewareError, InvalidParameterError
from holdfast.storage.layers.forwarding import ForwardingDriver
from tests.registry.client import NAME, Client, error_code, make_image
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio


class Marking:
    """Puts a mark into the header field `x-marks` of every answer, behind those that are there."""

    class Options(DriverOptions):
        """The mark."""

        mark: str = Field(description="The mark.")

    def __init__(self, app: ASGIApp, options: Options) -> None:
        self._app = app
        self._mark = options.mark

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and mark its answer."""

        async def marking(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                headers[b"x-marks"] = headers.get(b"x-marks", b"") + self._mark.encode()
                message = {**message, "headers": list(headers.items())}
            await send(message)

        await self._app(scope, receive, marking)


class Guarding:
    """Keeps a repository from being written to, and marks what it has let through."""

    class Options(DriverOptions):
        """The repository."""

        repository: str = Field(description="The repository.")
        mark: str = Field(default="", description="The mark.")

    def __init__(self, options: Options) -> None:
        self._options = options
        self.seen: list[tuple[str, str, str]] = []

    async def __call__(self, operation: Operation, proceed: Proceed) -> Response:
        """Refuse, or let through and mark."""
        self.seen.append((operation.method, operation.endpoint, operation.reference))
        if operation.repository == self._options.repository and operation.method not in {"GET", "HEAD"}:
            raise ApiError("DENIED", message="it is full")
        response = await proceed()
        response.headers["x-marks"] = response.headers.get("x-marks", "") + self._options.mark
        return response


@pytest.fixture(autouse=True)
def _offered(monkeypatch: pytest.MonkeyPatch) -> None:
    for offers in (middleware.REGISTRY, middleware.REPOSITORY):
        monkeypatch.setattr(offers, "_registered", {})
    middleware.REGISTRY.register("marking", Marking)
    middleware.REPOSITORY.register("guarding", Guarding)


async def test_the_registry_is_wrapped_the_first_innermost(storage: Storage) -> None:
    """Requests pass from the outermost to the registry, and answers back."""
    async with storage.app() as app:
        wrapped = around_registry(app, [("marking", {"mark": "1"}), ("marking", {"mark": "2"})])
        async with Client(wrapped) as client:
            answer = await client.request("GET", "/v2/")

    assert (200, "12") == (answer.status_code, answer.headers["x-marks"])


async def test_an_operation_is_refused_as_clients_understand_it(storage: Storage) -> None:
    """The refusal is an error of the specification; other repositories are as they were, and nothing was written."""
    around = repository_middleware([("guarding", {"repository": NAME})])
    async with storage.client(repository_middleware=around) as client:
        refused = await client.request("POST", f"/v2/{NAME}/blobs/uploads/")
        digest = await client.push_image(make_image(), "v1", name="other")
        catalog = await client.request("GET", "/v2/_catalog")

    assert (403, "DENIED", "it is full") == (
        refused.status_code,
        error_code(refused),
        refused.json()["errors"][0]["message"],
    )
    assert digest.startswith("sha256:")
    assert ["other"] == json.loads(catalog.content)["repositories"]


async def test_every_operation_on_a_repository_passes(storage: Storage) -> None:
    """With its endpoint, method and reference, and in order: the first middleware is the innermost."""
    around = repository_middleware(
        [("guarding", {"repository": "none", "mark": "1"}), ("guarding", {"repository": "none", "mark": "2"})]
    )
    async with storage.client(repository_middleware=around) as client:
        image = make_image(layers=[])
        digest = await client.push_image(image, "v1")
        answer = await client.get_manifest("v1")
        for path in ("/v2/", "/v2/_catalog", f"/v2/{NAME}/tags/list", f"/v2/{NAME}/referrers/{digest}"):
            await client.request("GET", path)
    outer = around[1]
    assert isinstance(outer, Guarding)

    assert "12" == answer.headers["x-marks"]
    assert image.manifest == answer.content
    assert [
        ("POST", "blob_upload", ""),
        ("PUT", "blob_upload_chunk"),
        ("PUT", "manifest", "v1"),
        ("GET", "manifest", "v1"),
        ("GET", "tags", "list"),
        ("GET", "referrers", digest),
    ] == [seen[:2] if seen[1] == "blob_upload_chunk" else seen for seen in outer.seen]


async def test_an_error_within_passes_as_it_is(storage: Storage) -> None:
    """What isn't there is told by the registry, middleware or not."""
    around = repository_middleware([("guarding", {"repository": "none"})])
    async with storage.client(repository_middleware=around) as client:
        answer = await client.get_manifest("missing")

    assert (404, "MANIFEST_UNKNOWN") == (answer.status_code, error_code(answer))


def test_wrong_names_and_options_are_told_before_anything_runs() -> None:
    """Each kind of middleware has names of its own."""
    with pytest.raises(InvalidMiddlewareError, match="no registry middleware is named 'guarding'"):
        around_registry(Marking, [("guarding", {})])  # type: ignore[arg-type]
    with pytest.raises(InvalidMiddlewareError, match=r"no repository middleware is named 'gaurding'\. Did you mean"):
        repository_middleware([("gaurding", {})])
    with pytest.raises(InvalidParameterError, match="repository middleware 'guarding': parameter 'repository'"):
        repository_middleware([("guarding", {})])


async def test_storage_is_told_for_whom_it_is_asked(storage: Storage) -> None:
    """Within a request there is a client, with the address that proxies tell of; beside requests there is none."""
    told = []

    class Listening(ForwardingDriver):
        async def get_content(self, path: str) -> bytes:
            told.append((path, client_address()))
            return await self.inner.get_content(path)

    async with storage.client(Listening) as client:
        await client.push_image(make_image(), "v1")
        told.clear()
        await client.request("GET", f"/v2/{NAME}/manifests/v1", headers={"x-forwarded-for": "203.0.113.9, 10.0.0.1"})

    assert {ip_address("203.0.113.9")} == {address for path, address in told if "_manifests" in path}
    assert None is client_address()
