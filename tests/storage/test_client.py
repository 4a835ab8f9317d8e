import asyncio
from ipaddress import ip_address

import pytest

from holdfast.storage.client import asked_by, client_address

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("192.0.2.7:41234", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::7]:41234", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", None),
        ("unix", None),
    ],
)
def test_an_address_is_told_without_its_port(told: str, expected: str | None) -> None:
    """An IPv4 address is one in whatever form; what is no address is none."""
    with asked_by(lambda: told):
        assert (expected and ip_address(expected)) == client_address()


async def test_it_goes_with_the_context() -> None:
    """Tasks and threads that are started for a client know it; what runs beside it doesn't, nor what comes later."""
    beside = asyncio.Event()

    async def other() -> object:
        await beside.wait()
        return client_address()

    running = asyncio.create_task(other())
    with asked_by(lambda: "192.0.2.7"):
        beside.set()
        within = [await asyncio.create_task(asyncio.to_thread(client_address)), await running]

    assert [ip_address("192.0.2.7"), None, None] == [*within, client_address()]
