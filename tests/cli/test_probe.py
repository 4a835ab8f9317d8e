from contextlib import aclosing

import pytest

from holdfast import storage
from holdfast.cli.probe import probe
from holdfast.storage.driver import Buffer, Precondition
from holdfast.storage.errors import AccessDeniedError, ConfigurationError, ReadOnlyStorageError
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.testing.drivers import Fault, FaultyDriver

pytestmark = pytest.mark.anyio


class _ReadOnly(ForwardingDriver):
    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        del content, precondition
        raise ReadOnlyStorageError("mounted read-only", path=path)


class _Unreadable(ForwardingDriver):
    async def get_content(self, path: str) -> bytes:
        error = AccessDeniedError("permission denied", path=path)
        error.locate(driver="box", op="get_content", path=path)
        raise error


class _Forgetful(ForwardingDriver):
    async def get_content(self, path: str) -> bytes:
        return await super().get_content(path) + b"?"


async def test_nothing_is_left_on_an_empty_store() -> None:
    """A probe of an empty store succeeds and leaves it empty."""
    async with aclosing(storage.create("inmemory")) as driver:
        await probe(driver, "memory")

        assert [] == await driver.list("/")


async def test_a_registry_that_never_writes() -> None:
    """Storage that can only be read is good enough for it, and storage that can't be listed is not."""
    async with aclosing(storage.create("inmemory")) as driver:
        await probe(_ReadOnly(driver), "memory", read_only=True)

        with pytest.raises(ConfigurationError, match="the storage in memory can't be listed: injected fault"):
            await probe(FaultyDriver(driver, Fault(op="list")), "memory", read_only=True)


async def test_what_is_there_stays() -> None:
    """A probe touches nothing of what the store has."""
    async with aclosing(storage.create("inmemory")) as driver:
        await driver.put_content("/docker/registry/holdfast/secret", b"hush")

        await probe(driver, "memory")

        assert ["/docker/registry/holdfast/secret"] == [file.path async for file in driver.walk("/")]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_ReadOnly, "the storage in /srv can't be used: mounted read-only"),
        (_Unreadable, "the storage in /srv can't be read: permission denied"),
        (_Forgetful, "the storage in /srv gives back something else than was written to it"),
    ],
)
async def test_what_cannot_be_done_is_said_and_nothing_is_left(broken: type[ForwardingDriver], message: str) -> None:
    """A store that can't be written, read or trusted is refused with the reason, and keeps nothing of the probe."""
    async with aclosing(storage.create("inmemory")) as inner:
        with pytest.raises(ConfigurationError) as caught:
            await probe(broken(inner), "/srv")

        assert message == str(caught.value).partition("; ")[0]
        assert [] == await inner.list("/")
