"""Listing tags."""

import httpx
import pytest

from tests.conformance.links import next_page
from tests.conformance.manifests import artifact, pushed, put
from tests.conformance.requirements import proves
from tests.registry.client import Client

pytestmark = pytest.mark.anyio

TAGS = ["0", "1.0", "1.0-rc", "10", "9", "A", "B.c", "Z", "_", "_a", "a", "a-b", "a.b", "aa", "b", "latest", "z"]
"""In byte order, some of them prefixes of others."""


@pytest.fixture(scope="module")
async def tagged(client: Client) -> str:
    """A repository with the tags, which were set in another order; tests only read it."""
    name = "conformance/tagged"
    await pushed(client, name, artifact())
    for tag in reversed(TAGS):
        await put(client, name, tag, artifact())
    return name


async def list_tags(client: Client, name: str, **params: str) -> httpx.Response:
    """Ask for the tags."""
    return await client.request("GET", f"/v2/{name}/tags/list", params=params)


@proves("tags-1", "tags-3", "tags-4", "end-8a", "general-2")
async def test_all(client: Client, tagged: str) -> None:
    """All tags of a repository come in order, with its name, as JSON."""
    response = await list_tags(client, tagged)

    assert (200, "application/json") == (response.status_code, response.headers["content-type"].partition(";")[0])
    assert {"name": tagged, "tags": TAGS} == response.json()
    assert None is next_page(response)


@proves("tags-1", "tags-2", "end-8a")
@pytest.mark.parametrize("query", ["", "?n=10", "?last=a", "?n=0"])
async def test_none(client: Client, name: str, query: str) -> None:
    """A repository that has manifests and no tags has a list with nothing in it."""
    await pushed(client, name, artifact())

    response = await client.request("GET", f"/v2/{name}/tags/list{query}")

    assert 200 == response.status_code
    assert {"name": name, "tags": []} == response.json()
    assert "link" not in response.headers


@proves("end-8a", "end-8b")
@pytest.mark.parametrize("query", ["", "?n=10", "?n=0", "?last=a"])
async def test_no_repository(client: Client, name: str, query: str) -> None:
    """A repository that isn't there has no list."""
    assert 404 == (await client.request("GET", f"/v2/{name}/tags/list{query}")).status_code


@proves("tags-5", "tags-6", "tags-7", "tags-8", "tags-10", "end-8b")
@pytest.mark.parametrize("count", [1, 2, 5, 16, 17, 18, 1000])
async def test_pages(client: Client, tagged: str, count: int) -> None:
    """Each page is full or has a Link; the Links lead through all tags, in order, each once, and end."""
    seen: list[str] = []
    response = await list_tags(client, tagged, n=str(count))
    while True:
        page = response.json()["tags"]
        link = next_page(response)
        assert 200 == response.status_code
        assert len(page) == count or (len(page) < count and (link or seen + page == TAGS))
        seen += page
        if link is None:
            break
        response = await client.request("GET", link)

    assert TAGS == seen


@proves("tags-6", "tags-8", "end-8b")
async def test_last_page_is_full(client: Client, tagged: str) -> None:
    """A page that is full with the last tags needs no Link, and one that has a Link leads to something or nothing."""
    response = await list_tags(client, tagged, n=str(len(TAGS)))

    link = next_page(response)
    rest = [] if link is None else (await client.request("GET", link)).json()["tags"]
    assert (TAGS, []) == (response.json()["tags"], rest)


@proves("tags-9", "end-8b")
async def test_zero(client: Client, tagged: str) -> None:
    """No tags are asked for, and none come, nor a Link."""
    for params in ({"n": "0"}, {"n": "0", "last": "0"}):
        response = await list_tags(client, tagged, **params)

        assert (200, []) == (response.status_code, response.json()["tags"])
        assert "link" not in response.headers


@proves("tags-11", "tags-12", "tags-13", "end-8b")
@pytest.mark.parametrize("last", ["0", "1", "1.0", "A", "Zebra", "a", "a-", "latest", "z", "zz"])
async def test_after(client: Client, tagged: str, last: str) -> None:
    """The tags after a tag come in order, without it, whether or not it is there; a number is a tag as well."""
    after = [tag for tag in TAGS if tag > last]

    whole = await list_tags(client, tagged, last=last)
    part = await list_tags(client, tagged, last=last, n="3")

    assert (200, after) == (whole.status_code, whole.json()["tags"])
    assert (200, after[:3]) == (part.status_code, part.json()["tags"])


@proves("end-8b")
@pytest.mark.parametrize("count", ["-1", "x", "1.5", "0x10"])
async def test_count_that_is_none(client: Client, tagged: str, count: str) -> None:
    """What is no number of tags is refused."""
    response = await list_tags(client, tagged, n=count)

    assert 400 == response.status_code
    assert response.json()["errors"]
