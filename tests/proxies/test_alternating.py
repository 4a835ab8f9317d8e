"""The proxy that sends each request to the next server, before servers that people use."""

import os

import anyio
import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.registry.serving import answer, running
from tests.services.alternating import AlternatingProxy

pytestmark = pytest.mark.anyio


def _named(name: bytes) -> ASGIApp:
    """An application that says its name, and then the body that it got."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        await answer(send, body=name + body)

    return app


async def test_two_in_a_row_never_reach_the_same_server() -> None:
    """Requests of one connection and of several go to the servers in turn."""
    async with (
        running(_named(b"a")) as a,
        running(_named(b"b")) as b,
        running(_named(b"c")) as c,
        AlternatingProxy([a.address, b.address, c.address]) as proxy,
        httpx.AsyncClient(base_url=proxy.url) as client,
        httpx.AsyncClient(base_url=proxy.url) as another,
    ):
        told = [(await who.get("/")).text for who in (client, client, another, client, another, another)]

        assert ["a", "b", "c", "a", "b", "c"] == told
        assert {a.address: 2, b.address: 2, c.address: 2} == proxy.served


async def test_bodies_of_many_clients() -> None:
    """Large bodies of many clients at once come back whole, each to its sender."""
    async with (
        running(_named(b"a")) as a,
        running(_named(b"b")) as b,
        AlternatingProxy([a.address, b.address]) as proxy,
        httpx.AsyncClient(base_url=proxy.url) as client,
    ):
        wrong = []

        async def send(body: bytes) -> None:
            response = await client.put("/", content=body)
            if response.content not in {b"a" + body, b"b" + body}:
                wrong.append(response.status_code)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(send, os.urandom(number * 100_000))

        assert [] == wrong
        assert [10, 10] == list(proxy.served.values())


async def test_a_server_that_comes_back() -> None:
    """While one server is gone, its turns fail and the others' don't; connections go on afterwards."""
    async with (
        running(_named(b"a")) as a,
        AlternatingProxy([a.address, "127.0.0.1:1"]) as proxy,
        httpx.AsyncClient(base_url=proxy.url) as client,
    ):
        for _ in range(2):
            assert "a" == (await client.get("/")).text
            with pytest.raises(httpx.TransportError):
                await client.get("/")
