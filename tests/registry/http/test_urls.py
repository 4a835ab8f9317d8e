import pytest
from starlette.requests import Request

from holdfast.registry.http.urls import Urls
from tests.registry.client import NAME, digest_of, make_image
from tests.registry.storages import Storage

PATH = "/v2/library/app/blobs/uploads/x?_state=y"

FORWARDED = [
    ("as the request came", {}, "http://registry.test"),
    ("the host's port", {"host": "registry.test:5000"}, "http://registry.test:5000"),
    ("an IPv6 host", {"host": "[::1]:5000"}, "http://[::1]:5000"),
    ("a proxy's scheme", {"x-forwarded-proto": "https"}, "https://registry.test"),
    ("a proxy's host", {"x-forwarded-host": "hub.test"}, "http://hub.test"),
    (
        "the first of two proxies",
        {"x-forwarded-proto": "https, http", "x-forwarded-host": "hub.test:8443 , inner"},
        "https://hub.test:8443",
    ),
    ("the standard field", {"forwarded": "for=192.0.2.1;proto=https;host=hub.test"}, "https://hub.test"),
    ("its first element", {"forwarded": 'Proto=HTTPS; Host="hub.test:8443", host=inner'}, "https://hub.test:8443"),
    ("it comes before the others", {"forwarded": "host=hub.test", "x-forwarded-host": "no.test"}, "http://hub.test"),
    ("not a scheme", {"x-forwarded-proto": "javascript"}, "http://registry.test"),
    ("not a host", {"x-forwarded-host": "a b/<c>"}, "http://registry.test"),
    ("not well-formed", {"forwarded": 'host="hub.test'}, "http://registry.test"),
]


def _request(headers: dict[str, str], *, scheme: str = "http") -> Request:
    fields = [(name.encode(), value.encode()) for name, value in ({"host": "registry.test"} | headers).items()]
    return Request({"type": "http", "scheme": scheme, "headers": fields})


@pytest.mark.parametrize(("headers", "root"), [row[1:] for row in FORWARDED], ids=[row[0] for row in FORWARDED])
def test_origin(headers: dict[str, str], root: str) -> None:
    """A URL has the scheme and host that the client used, as far as the proxy in front tells."""
    assert root + PATH == Urls().locate(_request(headers), PATH)


def test_tls() -> None:
    """Over TLS the scheme is https."""
    assert f"https://registry.test{PATH}" == Urls().locate(_request({}, scheme="https"), PATH)


def test_no_host() -> None:
    """A request that names no host, or none that is one, gets a path."""
    assert PATH == Urls().locate(_request({"host": ""}), PATH)
    assert PATH == Urls().locate(_request({"host": "a\x00b"}), PATH)


def test_configured() -> None:
    """What is configured comes before what requests say."""
    headers = {"x-forwarded-host": "hub.test"}
    assert f"https://my.test{PATH}" == Urls(root="https://my.test").locate(_request(headers), PATH)
    assert f"https://my.test/deep{PATH}" == Urls(root="https://my.test/deep", prefix="/x").locate(_request({}), PATH)
    assert PATH == Urls(root="https://my.test", relative=True).locate(_request(headers), PATH)
    assert f"/deep{PATH}" == Urls(root="https://my.test/deep", relative=True).locate(_request(headers), PATH)
    assert f"http://hub.test/deep{PATH}" == Urls(prefix="/deep").locate(_request(headers), PATH)


@pytest.mark.anyio
async def test_answers(storage: Storage) -> None:
    """Every Location is absolute by default, and leads to what it names."""
    async with storage.client(delete_enabled=True) as client:
        begun = await client.http.post(f"/v2/{NAME}/blobs/uploads/")
        told = await client.http.get(begun.headers["location"])
        image = make_image()
        await client.push_image(image)
        put = await client.put_manifest("latest", image.manifest)

        locations = [answer.headers["location"] for answer in (begun, told, put)]
        assert all(location.startswith(f"http://registry.test/v2/{NAME}/") for location in locations)
        assert 200 == (await client.http.get(put.headers["location"])).status_code


@pytest.mark.anyio
async def test_prefix(storage: Storage) -> None:
    """With a prefix, requests without it find nothing, and every URL in answers has it."""
    content = b"some content"
    async with storage.client(urls=Urls(prefix="/deep")) as client:
        begun = await client.http.post(f"/deep/v2/{NAME}/blobs/uploads/")
        done = await client.http.put(f"{begun.headers['location']}&digest={digest_of(content)}", content=content)

        assert 201 == done.status_code
        assert f"http://registry.test/deep/v2/{NAME}/blobs/{digest_of(content)}" == done.headers["location"]
        assert content == (await client.http.get(done.headers["location"])).content
        assert 200 == (await client.http.get("/deep/v2/")).status_code
        assert 404 == (await client.http.get("/v2/")).status_code


@pytest.mark.anyio
async def test_headers(storage: Storage) -> None:
    """Configured header fields, repeated ones too, are on every answer, errors included."""
    fields = (("X-Content-Type-Options", "nosniff"), ("X-Two", "a"), ("X-Two", "b"))
    async with storage.client(headers=fields) as client:
        for path in ("/v2/", "/v2/none/tags/list", "/nothing"):
            answer = await client.http.get(path)
            assert "nosniff" == answer.headers["x-content-type-options"]
            assert ["a", "b"] == answer.headers.get_list("x-two")


@pytest.mark.anyio
async def test_min_chunk(storage: Storage) -> None:
    """Clients are told the least size of chunks where one is configured (distribution-spec, end-4a)."""
    async with storage.client(min_chunk=1000) as client:
        assert "1000" == (await client.http.post(f"/v2/{NAME}/blobs/uploads/")).headers["oci-chunk-min-length"]
    async with storage.client() as client:
        assert "oci-chunk-min-length" not in (await client.http.post(f"/v2/{NAME}/blobs/uploads/")).headers
