import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from holdfast.storage.middleware import _aws_ranges
from holdfast.storage.middleware._aws_ranges import AddressSet, AWSRanges
from tests.services.cdn import CDN

pytestmark = pytest.mark.anyio

_LONG = timedelta(hours=12)
_PUBLISHED = {
    "syncToken": "1767225600",
    "prefixes": [
        {"ip_prefix": "192.0.2.0/24", "region": "us-east-1", "service": "AMAZON", "network_border_group": "us-east-1"},
        {"ip_prefix": "192.0.2.0/25", "region": "us-east-1", "service": "EC2", "network_border_group": "us-east-1"},
        {"ip_prefix": "198.51.100.0/24", "region": "eu-west-3", "service": "AMAZON"},
    ],
    "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/32", "region": "EU-West-3", "service": "AMAZON"}],
}


class Publisher:
    """Publishes the list, or what a test puts in its place."""

    def __init__(self) -> None:
        self.content = json.dumps(_PUBLISHED).encode()
        self.cdn = CDN(lambda url: url, lambda _: self.content)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A web server on loopback."""
    made = Publisher()
    with made.cdn:
        yield made


async def test_an_address_is_found_in_any_network() -> None:
    """Networks that overlap or touch are no trouble, and their edges belong to them."""
    chosen = AddressSet(
        map(ip_network, ["10.0.0.0/24", "10.0.0.128/25", "10.0.1.0/24", "10.9.0.0/16", "2001:db8::/64"])
    )
    inside = ["10.0.0.0", "10.0.0.200", "10.0.1.255", "10.9.255.255", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"]
    outside = ["9.255.255.255", "10.0.2.0", "10.8.255.255", "10.10.0.0", "2001:db8:0:1::", "::", "255.255.255.255"]

    assert [*[True] * len(inside), *[False] * len(outside)] == [
        ip_address(address) in chosen for address in (*inside, *outside)
    ]
    assert ip_address("10.0.0.1") not in AddressSet()


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        (None, {"192.0.2.1": True, "198.51.100.1": True, "2001:db8::1": True, "203.0.113.1": False}),
        ({"eu-west-3"}, {"192.0.2.1": False, "198.51.100.1": True, "2001:db8::1": True, "203.0.113.1": False}),
    ],
)
async def test_the_published_list_counts(
    publisher: Publisher, regions: set[str] | None, expected: dict[str, bool]
) -> None:
    """All of it, or the chosen regions', in whatever case."""
    ranges = AWSRanges(publisher.cdn.url, every=_LONG, regions=regions)
    await ranges.refresh()

    assert expected == {address: ranges.contain(ip_address(address)) for address in expected}
    await ranges.aclose()


async def test_they_are_read_when_they_are_first_asked_for(publisher: Publisher) -> None:
    """Nobody waits for that; once is enough until they are old, however many ask."""
    ranges = AWSRanges(publisher.cdn.url, every=_LONG, regions=None)
    first = [ranges.contain(ip_address("192.0.2.1")) for _ in range(10)]
    reading = ranges._reading
    assert reading is not None
    await reading

    assert [False] * 10 == first
    assert ranges.contain(ip_address("192.0.2.1"))
    assert 1 == len(publisher.cdn.served)
    await ranges.aclose()


async def test_old_ones_are_read_again(publisher: Publisher) -> None:
    """After `every`, so that what Amazon has added meanwhile counts."""
    ranges = AWSRanges(publisher.cdn.url, every=timedelta(microseconds=1), regions=None)
    await ranges.refresh()
    publisher.content = b'{"prefixes": [{"ip_prefix": "203.0.113.0/24", "region": "x"}]}'
    ranges.contain(ip_address("203.0.113.1"))
    reading = ranges._reading
    assert reading is not None
    await reading

    assert ranges.contain(ip_address("203.0.113.1"))
    await ranges.aclose()


@pytest.mark.parametrize(
    "content", [None, b"not JSON", b"[]", b'{"prefixes": [{"ip_prefix": "300.0.0.0/8", "region": "x"}]}']
)
async def test_what_cannot_be_read_leaves_the_old_ones(publisher: Publisher, content: bytes | None) -> None:
    """Addresses that were Amazon's are so still."""
    ranges = AWSRanges(publisher.cdn.url, every=_LONG, regions=None)
    await ranges.refresh()
    publisher.content = content  # type: ignore[assignment]
    await ranges.refresh()

    assert ranges.contain(ip_address("192.0.2.1"))
    await ranges.aclose()


@asynccontextmanager
async def _silent() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The URL of a server that never answers, and whether it has been asked."""
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", asked


async def test_a_server_that_does_not_answer_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't asked again for each client that comes."""
    monkeypatch.setattr(_aws_ranges, "_SECONDS", 0.05)
    async with _silent() as (url, asked):
        ranges = AWSRanges(url, every=_LONG, regions=None)
        await ranges.refresh()
        await asked.wait()
        ranges.contain(ip_address("192.0.2.1"))

        assert None is ranges._reading
        await ranges.aclose()


@pytest.mark.parametrize("url", ["http://[nonsense", "http://127.0.0.1:1/"])
async def test_a_url_that_leads_nowhere_is_left_alone_for_a_while(url: str) -> None:
    """As one that doesn't answer."""
    ranges = AWSRanges(url, every=_LONG, regions=None)
    await ranges.refresh()

    assert not ranges.contain(ip_address("192.0.2.1"))
    assert None is ranges._reading


async def test_closing_ends_the_reading() -> None:
    """A server that never answers holds nobody up, and nothing is left running."""
    async with _silent() as (url, asked):
        ranges = AWSRanges(url, every=_LONG, regions=None)
        ranges.contain(ip_address("192.0.2.1"))
        reading = ranges._reading
        assert reading is not None
        await asked.wait()
        await ranges.aclose()

    assert reading.cancelled()
    assert not ranges.contain(ip_address("192.0.2.1"))
    assert None is ranges._reading
