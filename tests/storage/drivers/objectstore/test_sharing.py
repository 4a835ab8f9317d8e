import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.storage import FileWriter
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.errors import PathNotFoundError, WriteConflictError
from holdfast.testing.suite.examples import example_settings
from tests.storage.drivers.objectstore.memory_bucket import Store
from tests.storage.drivers.objectstore.stage import PATH, cleared, content, is_quiet, opened, unfinished

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_sizes")]


@dataclass
class _Process:
    """A process with its driver and at most one writer.

    Attributes:
        sign: A byte that only this process writes.
        writer: What is open.
        written: What the writer has accepted, earlier sessions' part included.
        has_record: Whether the writer continues a record.
        disturbed: Whether somebody else has done anything since it was opened.
    """

    driver: ObjectStoreDriver
    sign: bytes
    writer: FileWriter | None = None
    written: bytes = b""
    has_record: bool = False
    disturbed: bool = False


@dataclass
class _World:
    """Two processes on one store, and what a path has to show and to be continued from."""

    store: Store = field(default_factory=Store)
    shown: bytes | None = None
    kept: bytes | None = None

    def __post_init__(self) -> None:
        self.processes = [_Process(opened(self.store), sign) for sign in (b"A", b"B")]

    async def step(self, number: int, action: str) -> None:
        """Let a process do something; check what it says and what is there then."""
        process = self.processes[number]
        try:
            await getattr(self, action)(process)
        except WriteConflictError:
            assert process.disturbed, f"{action} of who had it to itself"
            if process.writer is not None:
                await process.writer.close()
                process.writer = None
        for other in self.processes:
            other.disturbed = other.disturbed or other is not process

        assert self.shown == await content(self.store)
        assert self.kept == await unfinished(self.store)

    async def new(self, process: _Process) -> None:
        """Begin anew."""
        if process.writer is not None:
            return
        process.disturbed = False
        process.writer = await process.driver.writer(PATH)
        process.written, process.has_record, self.kept = b"", False, None

    async def append(self, process: _Process) -> None:
        """Continue what is there."""
        if process.writer is not None:
            return
        process.disturbed = False
        found = self.kept if self.kept is not None else self.shown
        if found is None:
            with pytest.raises(PathNotFoundError):
                await process.driver.writer(PATH, append=True)
            return
        process.writer = await process.driver.writer(PATH, append=True)
        process.written, process.has_record = found, self.kept is not None
        assert process.writer.size == len(found)

    async def write(self, process: _Process) -> None:
        """Add some bytes: no part."""
        await self._write(process, 3)

    async def send(self, process: _Process) -> None:
        """Add bytes for some parts."""
        await self._write(process, 20)

    async def _write(self, process: _Process, size: int) -> None:
        if process.writer is not None:
            await process.writer.write(process.sign * size)
            process.written += process.sign * size

    async def close(self, process: _Process) -> None:
        """Keep it."""
        if process.writer is not None:
            await process.writer.close()
            process.writer, self.kept = None, process.written

    async def commit(self, process: _Process) -> None:
        """Show it."""
        if process.writer is not None:
            await process.writer.commit()
            process.writer, self.shown = None, process.written
            self.kept = None if process.has_record else self.kept

    async def cancel(self, process: _Process) -> None:
        """Throw it away."""
        if process.writer is not None:
            is_theirs = process.disturbed and self.kept is not None and not process.written.startswith(self.kept)
            before = self.store.objects.get(".uploads~/a/b~")
            await process.writer.cancel()
            process.writer = None
            gone = before is not None and ".uploads~/a/b~" not in self.store.objects
            assert not (gone and is_theirs)
            self.kept = None if gone else self.kept

    async def abort(self, process: _Process) -> None:
        """Abort all that is unfinished, as a purge does."""
        for upload in [upload async for upload in process.driver.list_uploads("/")]:
            await process.driver.abort_upload(upload)
        self.kept = None
        process.disturbed = True

    async def delete(self, process: _Process) -> None:
        """Delete the path."""
        if self.shown is not None:
            await process.driver.delete(PATH)
            self.shown = self.kept = None
            process.disturbed = True

    async def end(self) -> bool:
        """Close all, and tell whether nothing stays that can't be found."""
        for process in self.processes:
            if process.writer is not None:
                await asyncio.gather(process.writer.close(), return_exceptions=True)
            assert await is_quiet(process.driver, before=asyncio.all_tasks())
            await process.driver.aclose()
        return await cleared(self.store)


_ACTIONS = ["new", "append", "write", "send", "close", "commit", "cancel", "abort", "delete"]
_steps = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(_ACTIONS)), max_size=14)


def _setting(*actions: str) -> list[tuple[int, str]]:
    return [("AB".index(action[0]), action[2:]) for action in actions]


_KEPT = ["A new", "A send", "A close"]


@example_settings(120)
@given(_steps)
@example(_setting(*_KEPT, "A append", "B append", "B send", "B close", "A send"))
@example(_setting(*_KEPT, "A append", "B append", "B send", "A send", "B close", "B append", "B commit"))
@example(_setting(*_KEPT, "A append", "B append", "B write", "B close", "A send", "B append", "B commit"))
@example(_setting(*_KEPT, "A append", "B append", "B send", "B close", "A cancel", "B append", "B commit"))
@example(_setting(*_KEPT, "A append", "A write", "B append", "B send", "B close", "A close", "B append", "B commit"))
@example(_setting("A new", "A send", "B new", "B send", "B close", "A close", "B append", "B commit"))
@example(_setting(*_KEPT, "A append", "B new", "A close", "B send", "B commit"))
@example(_setting(*_KEPT, "A append", "B abort", "A commit", "A new", "A commit"))
def test_two_processes(steps: list[tuple[int, str]]) -> None:
    """In every order of what two processes do: nobody's bytes are mixed or lost, and who comes too late is told."""

    async def run() -> None:
        world = _World()
        for number, action in steps:
            await world.step(number, action)
        assert await world.end()

    asyncio.run(run())


_begins = st.tuples(st.sampled_from(["new", "append"]), st.sampled_from(["write", "send", ""]))


@example_settings(120)
@given(
    st.lists(
        st.tuples(st.sampled_from(["new", "append"]), st.sampled_from(["write", "send", ""])), min_size=2, max_size=2
    ),
    st.sampled_from(["close", "commit", "cancel"]),
    st.sampled_from(["close", "commit", "cancel"]),
    st.integers(0, 30),
)
def test_two_processes_at_once(
    begins: tuple[tuple[str, str], tuple[str, str]], first: str, second: str, delay: int
) -> None:
    """Whatever two processes do at once: what shows, or can be continued, is what one of them has written."""

    async def run() -> None:
        world = _World()
        for step in ("new", "send", "close"):
            await world.step(0, step)
        kept = world.kept

        async def act(process: _Process, begin: tuple[str, str], end: str, pause: int) -> str:
            for _ in range(pause):
                await asyncio.sleep(0)
            process.disturbed = True
            process.writer = await process.driver.writer(PATH, append=begin[0] == "append")
            process.written = kept or b"" if begin[0] == "append" else b""
            if process.writer.size != len(process.written):
                process.written += b"?"  # it has continued what the other one kept
            if begin[1]:
                await getattr(world, begin[1])(process)
            await getattr(process.writer, end)()
            return end

        told = await asyncio.gather(
            act(world.processes[0], begins[0], first, 0),
            act(world.processes[1], begins[1], second, delay),
            return_exceptions=True,
        )
        assert [] == [error for error in told if not isinstance(error, (str, WriteConflictError, PathNotFoundError))]
        written = {process.written for process in world.processes}
        continued = any(b"?" in one for one in written)
        shown, goes_on = await content(world.store), await unfinished(world.store)
        assert continued or shown in {None, *written}
        assert continued or goes_on in {None, kept, *written}
        if "close" in told and told.count("close") == len([one for one in told if isinstance(one, str)]):
            assert goes_on is not None
        assert await world.end()

    asyncio.run(run())
