import re

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.registry.http.urls import Urls
from tests.registry.client import NAME, Client, error_code, make_image
from tests.registry.storages import Storage, inmemory

pytestmark = pytest.mark.anyio

DIGEST = b"sha256:" + b"a" * 64
REPOSITORIES = "/docker/registry/v2/repositories"
COMPONENT = st.sampled_from(["a", "b", "a-b", "a.b", "a_b", "a--b", "ab", "0", "z9"])


async def put_tag(storage: Storage, name: str, tag: str) -> None:
    """A tag, as storage has it."""
    await storage.put(f"{REPOSITORIES}/{name}/_manifests/tags/{tag}/current/link", DIGEST)


async def all_pages(client: Client, path: str, key: str, limit: int) -> list[list[str]]:
    """The pages that a client gets that follows the links."""
    pages = []
    target = f"{path}?n={limit}"
    while True:
        response = await client.request("GET", target)
        assert 200 == response.status_code
        pages.append(response.json()[key])
        link = response.headers.get("link")
        if link is None:
            return pages
        match = re.fullmatch(r'<(/v2/[^>]+)>; rel="next"', link)
        assert match
        target = match[1]


def pages_of(entries: list[str], limit: int) -> list[list[str]]:
    """Entries in pages; there is a page, if only an empty one."""
    return [entries[start : start + limit] for start in range(0, len(entries), limit)] or [[]]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
async def test_tag_pages(storage: Storage, client: Client, limit: int) -> None:
    """Following the links gives all tags, in byte order, each once; the last page has no link."""
    tags = ["a", "a-b", "a.b", "B", "_x"]
    for tag in tags:
        await put_tag(storage, NAME, tag)

    expected = pages_of(sorted(tags), limit)
    assert expected == await all_pages(client, f"/v2/{NAME}/tags/list", "tags", limit)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("last=a", ["a-b", "b"]),
        ("last=a-a", ["a-b", "b"]),
        ("last=A", ["a", "a-b", "b"]),
        ("last=b", []),
        ("last=zzz", []),
        ("last=", ["a", "a-b", "b"]),
        ("n=&last=a", ["a-b", "b"]),
        ("n=1&last=a", ["a-b"]),
        ("n=1&last=!", ["a"]),
        ("n=2&last=a/b", ["b"]),
        ("last=%C3%A9", []),
        ("n=0&last=a", []),
        ("n=1000000000000", ["a", "a-b", "b"]),
        ("other=1", ["a", "a-b", "b"]),
    ],
)
async def test_tags_after(storage: Storage, client: Client, query: str, expected: list[str]) -> None:
    """`last` need not exist, nor be a tag: what sorts after it is listed."""
    for tag in ("b", "a-b", "a"):
        await put_tag(storage, NAME, tag)
    response = await client.request("GET", f"/v2/{NAME}/tags/list?{query}")

    assert (200, expected) == (response.status_code, response.json()["tags"])


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_catalog_pages(storage: Storage, client: Client, limit: int) -> None:
    """Following the links gives all repositories in the order of their bytes, also where one is above another."""
    names = ["a", "a-b", "a/b", "a.b", "a/b/c", "ab", "b/c"]
    for name in names:
        await put_tag(storage, name, "latest")

    assert ["a", "a-b", "a.b", "a/b", "a/b/c", "ab", "b/c"] == sorted(names)
    assert pages_of(sorted(names), limit) == await all_pages(client, "/v2/_catalog", "repositories", limit)


async def test_catalog_of_nothing(client: Client) -> None:
    """An empty store has no repositories."""
    response = await client.request("GET", "/v2/_catalog")

    assert (200, {"repositories": []}) == (response.status_code, response.json())
    assert "link" not in response.headers


async def test_what_is_a_repository(storage: Storage, client: Client) -> None:
    """Only what has manifests is listed: no upload, no blob alone, nothing of somebody else's."""
    await client.push_image(make_image(), "latest", "real")
    await client.push_blob(b"content", "only/blobs")
    await client.patch(await client.begin("only/uploads"), b"content")
    await storage.put(f"{REPOSITORIES}/file", b"")
    await storage.put(f"{REPOSITORIES}/_strange/_manifests/tags/x/current/link", DIGEST)
    await storage.put(f"{REPOSITORIES}/real/_strange/deep/_manifests/x", DIGEST)
    await storage.put(f"{REPOSITORIES}/deep/er/_manifests/revisions/x", DIGEST)

    assert ["deep/er", "real"] == (await client.request("GET", "/v2/_catalog")).json()["repositories"]


async def test_repository_without_tags(client: Client) -> None:
    """A repository whose manifests have no tags has an empty list."""
    await client.push_image(make_image())
    response = await client.request("GET", f"/v2/{NAME}/tags/list")

    assert (200, {"name": NAME, "tags": []}) == (response.status_code, response.json())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    names=st.sets(st.lists(COMPONENT, min_size=1, max_size=3).map("/".join), max_size=12),
    last=st.lists(COMPONENT, max_size=3).map("/".join) | st.text("ab/.-_~", max_size=6),
    limit=st.integers(1, 5),
)
async def test_any_catalog(names: set[str], last: str, limit: int) -> None:
    """The catalog is the sorted repositories, from any name on, in pages of any size."""
    storage = inmemory()
    for name in names:
        await put_tag(storage, name, "latest")
    async with storage.client() as client:
        pages = await all_pages(client, "/v2/_catalog", "repositories", limit)
        after = await get(client, "/v2/_catalog", last)

    assert pages_of(sorted(names), limit) == pages
    assert [name for name in sorted(names) if name > last] == after.json()["repositories"]


@settings(max_examples=40, deadline=None)
@given(
    tags=st.sets(st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,3}", fullmatch=True), max_size=12),
    last=st.text(max_size=4),
    limit=st.integers(1, 5),
)
async def test_any_tags(tags: set[str], last: str, limit: int) -> None:
    """The tags are sorted, from any text on, in pages of any size."""
    storage = inmemory()
    await storage.put(f"{REPOSITORIES}/{NAME}/_manifests/revisions/sha256/x/link", DIGEST)
    for tag in tags:
        await put_tag(storage, NAME, tag)
    async with storage.client() as client:
        pages = await all_pages(client, f"/v2/{NAME}/tags/list", "tags", limit)
        after = await get(client, f"/v2/{NAME}/tags/list", last)

    assert pages_of(sorted(tags), limit) == pages
    assert [tag for tag in sorted(tags) if tag > last] == after.json()["tags"]


async def get(client: Client, path: str, last: str) -> httpx.Response:
    """A listing after any text."""
    return await client.request("GET", path, params={"last": last})


# How much a page has ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "0x1", "1e3", " 1", "+1", "१", "9" * 19, "9" * 5000, "--", "1;2"])
@pytest.mark.parametrize("path", ["/v2/_catalog", f"/v2/{NAME}/tags/list"])
async def test_no_number(client: Client, path: str, number: str) -> None:
    """What isn't a number from 0 up is refused (the spec has no code of its own for it), whatever there is to list."""
    response = await client.request("GET", path, params={"n": number})

    assert (400, "UNSUPPORTED") == (response.status_code, error_code(response))


async def test_catalog_limits(storage: Storage) -> None:
    """A page of the catalog has at most `catalog.maxentries`, 100 where nothing is asked for; asking for more fails."""
    names = [f"app-{number:03}" for number in range(120)]
    for name in names:
        await put_tag(storage, name, "latest")
    async with storage.client(catalog_max_entries=110) as client:
        usual = await client.request("GET", "/v2/_catalog")
        most = await client.request("GET", "/v2/_catalog?n=110")
        more = await client.request("GET", "/v2/_catalog?n=111")
        none = await client.request("GET", "/v2/_catalog?n=0")
    async with storage.client(catalog_max_entries=7) as client:
        few = await client.request("GET", "/v2/_catalog")

    assert names[:100] == usual.json()["repositories"]
    assert '</v2/_catalog?last=app-099&n=100>; rel="next"' == usual.headers["link"]
    assert names[:110] == most.json()["repositories"]
    assert (400, "UNSUPPORTED") == (more.status_code, error_code(more))
    assert (200, {"repositories": []}, None) == (none.status_code, none.json(), none.headers.get("link"))
    assert names[:7] == few.json()["repositories"]


async def test_tag_limits(storage: Storage) -> None:
    """A page of tags is cut to `tags.maxtags`, and linked; without a number, all tags come."""
    tags = [f"v{number}" for number in range(9)]
    for tag in tags:
        await put_tag(storage, NAME, tag)
    async with storage.client(tags_max=4) as client:
        cut = await client.request("GET", f"/v2/{NAME}/tags/list?n=5")
        assert tags[:4] == cut.json()["tags"]
        assert f'</v2/{NAME}/tags/list?last=v3&n=4>; rel="next"' == cut.headers["link"]
        every = await client.request("GET", f"/v2/{NAME}/tags/list")
        assert (tags, None) == (every.json()["tags"], every.headers.get("link"))


async def test_the_last_page_when_full(storage: Storage, client: Client) -> None:
    """A page that ends with the last entry has no link, even where it has as many as were asked for."""
    for number in range(4):
        await put_tag(storage, f"app-{number}", f"v{number}")
        await put_tag(storage, "app-0", f"w{number}")
    await storage.put(f"{REPOSITORIES}/zzz/_uploads/x/startedat", b"")

    for target in ("/v2/_catalog?n=2&last=app-1", "/v2/app-0/tags/list?n=5"):
        response = await client.request("GET", target)
        assert len(next(value for value in response.json().values() if isinstance(value, list))) in {2, 5}
        assert None is response.headers.get("link")


async def test_links_have_the_prefix(storage: Storage) -> None:
    """Behind a prefix, links have it."""
    for tag in ("a", "b"):
        await put_tag(storage, NAME, tag)
    async with storage.client(urls=Urls(prefix="/registry")) as client:
        response = await client.request("GET", f"/registry/v2/{NAME}/tags/list?n=1")

    assert f'</registry/v2/{NAME}/tags/list?last=a&n=1>; rel="next"' == response.headers["link"]
