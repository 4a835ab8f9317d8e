from abc import ABCMeta

import pytest

from holdfast.storage.driver import CreateOnly, FileWriter, StorageDriver, UploadInfo
from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter
from tests.storage.fakes import ABLE, ScriptedDriver

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("wrapper", "contract"), [(ForwardingDriver, StorageDriver), (ForwardingWriter, FileWriter)])
def test_every_abstract_method_is_forwarded_in_so_many_words(wrapper: ABCMeta, contract: ABCMeta) -> None:
    """A method added to the contract can't be lost by inheriting it."""
    forwarded = {name for name in vars(wrapper) if name in contract.__abstractmethods__}

    assert contract.__abstractmethods__ == forwarded


async def test_calls_arrive_with_their_arguments() -> None:
    """What goes in at the outside arrives within, and the answer comes back."""
    inner = ScriptedDriver()
    driver = ForwardingDriver(inner)
    await driver.put_content("/a/b", b"content", precondition=CreateOnly())
    writer = ForwardingWriter(await driver.writer("/a/c"))
    await writer.write(b"12")
    size, token = writer.size, writer.resume_token
    await writer.close()
    await driver.abort_upload(UploadInfo(path="/a/none", upload_id="1"))
    await driver.move("/a/b", "/a/d")
    async with driver.reader("/a/d", offset=1, length=5) as chunks:
        read = [chunk async for chunk in chunks]

    assert (2, "token") == (size, token)
    assert [b"onte", b"n"] == read
    assert ("scripted", ABLE) == (driver.name, driver.capabilities)
    assert b"content" == await driver.get_content("/a/d")
    assert ["/a/d"] == [info.path async for info in driver.walk("/", start_after="/a/c")]
    assert ["/a/c"] == [upload.path async for upload in driver.list_uploads("/")]
    assert ["/a"] == await driver.list("/", start_after="/", limit=1)
    assert "https://example.invalid/a/d?HEAD" == await driver.redirect_url("/a/d", method="HEAD")
    assert ("/srv/a/d", 7) == await driver.local_path("/a/d")
    assert 7 == (await driver.stat("/a/d")).size


async def test_the_endings_arrive() -> None:
    """Commit, cancel, delete and close are forwarded as what they are."""
    inner = ScriptedDriver()
    driver = ForwardingDriver(inner)
    await ForwardingWriter(await driver.writer("/a")).commit()
    await ForwardingWriter(await driver.writer("/b")).cancel()
    await driver.delete_files(["/a"])
    await inner.put_content("/c", b"")
    await driver.delete("/c")
    await driver.aclose()

    assert ["writer", "commit", "writer", "cancel", "delete_files", "put_content", "delete", "aclose"] == (
        inner.script.calls
    )
    assert {} == inner.files


async def test_an_override_is_seen_by_nobody_else() -> None:
    """A wrapper changes what it overrides and nothing more."""

    class Upper(ForwardingDriver):
        async def get_content(self, path: str) -> bytes:
            return (await super().get_content(path)).upper()

    driver = Upper(ScriptedDriver())
    await driver.put_content("/a", b"quiet")

    assert b"QUIET" == await driver.get_content("/a")
    assert b"quiet" == await driver.inner.get_content("/a")


def test_the_repr_names_the_wrappers_and_asks_no_stranger() -> None:
    """The stack can be read, and a driver's own repr, which may tell anything, isn't part of it."""

    class Telling(ScriptedDriver):
        def __repr__(self) -> str:
            return "Telling(secretkey='hunter2')"

    assert "ForwardingDriver(ForwardingDriver(Telling))" == repr(ForwardingDriver(ForwardingDriver(Telling())))
