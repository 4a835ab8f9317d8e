"""The driver and the model, compared: Hypothesis does what it likes to a driver and to a dictionary, and compares.

    await run_model(driver, "/scratch", settings=settings(max_examples=100, stateful_step_count=50, deadline=None))

The machine is synchronous, as Hypothesis is; it runs in a thread, and its calls run on the loop that
`run_model` was awaited on.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.from_thread
import anyio.to_thread
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from holdfast.storage.driver import CreateOnly
from holdfast.storage.errors import InvalidPathError, PathNotFoundError, StorageError, WriterClosedError
from holdfast.storage.ops import is_below
from holdfast.testing.iteration import collect
from holdfast.testing.model import Content, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hypothesis import settings

    from holdfast.storage.driver import FileWriter, Paths, StorageDriver

__all__ = ["DriverMachine", "run_model"]

ValueT = TypeVar("ValueT")

# Few paths, so that operations meet, and with every way of being a neighbour.
_PATHS = st.sampled_from(["a", "a-b", "a.b", "ab", "b/a", "b/a-b", "b/a/b", "b-", "b"])
_DIRECTORIES = st.sampled_from(["", "a", "b", "b/a"])
_CONTENTS = st.builds(
    lambda size, seed: Content(size=size, seed=seed), st.sampled_from([0, 1, 5, 20, 5000, 70_000]), st.integers(0, 9)
)
_POSITIONS = st.integers(min_value=0, max_value=30) | st.sampled_from([4999, 5000, 69_999, 70_001])


class DriverMachine(RuleBasedStateMachine):
    """Does the same to a driver and to the model, and expects the same results and errors.

    It must be run in a thread that anyio started (see `run_model`), since its calls go to the event loop.
    """

    def __init__(self, driver: StorageDriver, root: str) -> None:
        """Begin with nothing.

        Args:
            driver: The driver to compare.
            root: A directory that doesn't exist and is the machine's own; it is deleted at the end.
        """
        super().__init__()
        self.driver = driver
        self.root = root
        self.model = Model(exclusive_names=driver.capabilities.exclusive_names)
        self.writers: dict[str, FileWriter] = {}

    # Content -----------------------------------------------------------------------------------

    @rule(name=_PATHS, content=_CONTENTS)
    def put(self, name: str, content: Content) -> None:
        """Put content."""
        path, data = self._path(name), content.expand()
        self._same(lambda: self.driver.put_content(path, data), lambda: self.model.put(path, data), ignore=True)

    @precondition(lambda self: self.driver.capabilities.put_create_only)
    @rule(name=_PATHS, content=_CONTENTS)
    def create(self, name: str, content: Content) -> None:
        """Put content where nothing is. Over a directory either of two errors will do, or it may be put."""
        path, data = self._path(name), content.expand()
        if not self.model.is_directory(path):
            self._same(
                lambda: self.driver.put_content(path, data, precondition=CreateOnly()),
                lambda: self.model.put(path, data, create_only=True),
                ignore=True,
            )

    @rule(name=_PATHS)
    def get(self, name: str) -> None:
        """Read content whole."""
        path = self._path(name)
        self._same(lambda: self.driver.get_content(path), lambda: self.model.content(path))

    @rule(name=_PATHS, offset=_POSITIONS, length=st.none() | _POSITIONS)
    def read(self, name: str, offset: int, length: int | None) -> None:
        """Read a range."""
        path = self._path(name)
        end = None if length is None else offset + length
        self._same(lambda: self._read(path, offset, length), lambda: self.model.content(path)[offset:end])

    @rule(source=_PATHS, destination=_PATHS)
    def move(self, source: str, destination: str) -> None:
        """Move a file, where a move doesn't put it below or above itself."""
        one, two = self._path(source), self._path(destination)
        if one == two or not (is_below(one, two) or is_below(two, one)):
            self._same(lambda: self.driver.move(one, two), lambda: self.model.move(one, two))

    # Writers -----------------------------------------------------------------------------------

    @rule(name=_PATHS, append=st.booleans())
    def open(self, name: str, append: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        """Open a writer where none is open."""
        path = self._path(name)
        if path not in self.writers:
            writer = self._same(
                lambda: self.driver.writer(path, append=append),
                lambda: self.model.begin(path, append=append),
                ignore=True,
            )
            if writer is not None:
                self.writers[path] = writer
                assert len(self.model.unfinished[path]) == writer.size

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), chunks=st.lists(_CONTENTS, max_size=3))
    def write(self, data: st.DataObject, chunks: list[Content]) -> None:
        """Write to an open writer."""
        path = self._some_writer(data)
        for chunk in [content.expand() for content in chunks]:
            self._call(lambda chunk=chunk: self.writers[path].write(chunk))  # type: ignore[misc]
            self.model.unfinished[path] += chunk
        assert len(self.model.unfinished[path]) == self.writers[path].size
        self._same(lambda: self.driver.get_content(path), lambda: self.model.content(path))

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        """Close an open writer: what it wrote stays unfinished."""
        self._end(self._some_writer(data), "close")

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        """Commit an open writer, where its path is still free."""
        path = self._some_writer(data)
        try:
            self.model.check_free(path)
        except InvalidPathError:
            return
        self.model.commit(path)
        self._end(path, "commit")

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel an open writer."""
        path = self._some_writer(data)
        del self.model.unfinished[path]
        self._end(path, "cancel")

    # Deleting ----------------------------------------------------------------------------------

    @rule(name=_DIRECTORIES)
    def delete(self, name: str) -> None:
        """Delete a file or directory, the writers below it closed first."""
        path = self._path(name)
        for open_path in [other for other in self.writers if is_below(other, path)]:
            self._end(open_path, "close")
        self._same(lambda: self.driver.delete(path), lambda: self.model.delete(path))

    @rule(names=st.lists(_PATHS, max_size=4))
    def delete_files(self, names: list[str]) -> None:
        """Delete a batch of files."""
        paths = [self._path(name) for name in names]
        self._call(lambda: self.driver.delete_files(paths))
        for path in paths:
            self.model.files.pop(path, None)

    # Looking -----------------------------------------------------------------------------------

    @rule(name=_DIRECTORIES)
    def stat(self, name: str) -> None:
        """Describe a path."""
        path = self._path(name)
        expected: tuple[str, int, bool] | type[Exception] = PathNotFoundError
        if path in self.model.files or self.model.is_directory(path):
            expected = (path, len(self.model.files.get(path, b"")), path not in self.model.files)
        try:
            info = self._call(lambda: self.driver.stat(path))
            actual: tuple[str, int, bool] | type[Exception] = (info.path, info.size, info.is_dir)
        except StorageError as error:
            actual = type(error)

        assert expected == actual

    @rule(name=_DIRECTORIES, after=st.none() | _PATHS, limit=st.none() | st.integers(min_value=0, max_value=4))
    def list_children(self, name: str, after: str | None, limit: int | None) -> None:
        """List a directory, or a part of it."""
        path = self._path(name)
        start = None if after is None else f"{path}/{after}"
        self._same(
            lambda: self.driver.list(path, start_after=start, limit=limit),
            lambda: [child for child in self.model.children(path) if start is None or child > start][:limit],
        )

    @rule(name=_DIRECTORIES, after=st.none() | _PATHS)
    def walk(self, name: str, after: str | None) -> None:
        """Walk a directory, or a part of it."""
        path = self._path(name)
        start = None if after is None else self._path(after)
        self._same(
            lambda: self._walk(path, start),
            lambda: [other for other in self.model.walk(path) if start is None or other > start],
        )

    @precondition(lambda self: self.driver.capabilities.list_uploads)
    @rule(name=_DIRECTORIES)
    def uploads(self, name: str) -> None:
        """List unfinished writes: all closed ones, and nothing that isn't at least open."""
        self._compare_uploads(self._path(name))

    @precondition(lambda self: self.driver.capabilities.list_uploads)
    @rule(name=_DIRECTORIES)
    def abort(self, name: str) -> None:
        """Abort the unfinished writes below a path, but not those that are open."""
        path = self._path(name)
        for upload in self._call(lambda: collect(self.driver.list_uploads(path))):
            if upload.path not in self.writers:
                self._call(lambda upload=upload: self.driver.abort_upload(upload))  # type: ignore[misc]
                del self.model.unfinished[upload.path]

    @invariant()
    def files_are_those_of_the_model(self) -> None:
        """After each step the files are those of the model, and open writers know their size."""
        self._same(lambda: self._walk(self.root, None), lambda: self.model.walk(self.root))
        self._same(lambda: self.driver.list(self.root), lambda: self.model.children(self.root))
        for path, writer in self.writers.items():
            assert len(self.model.unfinished[path]) == writer.size

    def teardown(self) -> None:
        """Compare everything once more, and delete it."""
        for path in [*self.writers]:
            self._end(path, "close")
        for path, content in self.model.files.items():
            assert content == self._call(lambda path=path: self.driver.get_content(path))  # type: ignore[misc]
        if self.model.files:
            assert sorted(self.model.files) == self._call(lambda: self._walk(self.root, None))
        self._same(lambda: self.driver.delete(self.root), lambda: self.model.delete(self.root))

    # How -------------------------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}" if name else self.root

    def _call(self, call: Callable[[], Coroutine[Any, Any, ValueT]]) -> ValueT:
        return anyio.from_thread.run(call)

    def _same(
        self, call: Callable[[], Coroutine[Any, Any, Any]], expect: Callable[[], Any], *, ignore: bool = False
    ) -> Any:
        """Do it, and expect the model's value or class of error; with `ignore` the values may differ."""
        expected, expected_error = _outcome(expect)
        actual, actual_error = _outcome(lambda: self._call(call))

        assert expected_error == actual_error
        assert ignore or expected == actual
        return actual

    async def _read(self, path: str, offset: int, length: int | None) -> bytes:
        async with self.driver.reader(path, offset=offset, length=length) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def _walk(self, path: str, start_after: str | None) -> Paths:
        return [file.path for file in await collect(self.driver.walk(path, start_after=start_after))]

    def _compare_uploads(self, path: str) -> None:
        found = [upload.path for upload in self._call(lambda: collect(self.driver.list_uploads(path)))]
        expected = {other for other in self.model.unfinished if is_below(other, path)}

        assert len(found) == len(set(found))
        assert expected - self.writers.keys() <= set(found) <= expected

    def _some_writer(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.writers)), label="writer")

    def _end(self, path: str, way: str) -> None:
        """End a writer, which then refuses to be used."""
        writer = self.writers.pop(path)
        self._call(getattr(writer, way))
        _, error = _outcome(lambda: self._call(lambda: writer.write(b"x")))

        assert WriterClosedError is error
        if self.driver.capabilities.list_uploads:
            self._compare_uploads(path)


def _outcome(act: Callable[[], ValueT]) -> tuple[ValueT | None, type[StorageError] | None]:
    try:
        return act(), None
    except StorageError as error:
        return None, type(error)


async def run_model(driver: StorageDriver, root: str, *, settings: settings) -> None:
    """Compare a driver with the model, in examples as many and as long as the settings say.

    Args:
        driver: The driver to compare, with the always-on layers around it.
        root: A directory of which each example uses, and deletes, one of its own.
        settings: Hypothesis's; `stateful_step_count` is the length of an example.

    Raises:
        AssertionError: They differ; Hypothesis prints the shortest steps that it found.
    """
    numbers = count()

    class Bound(DriverMachine):
        """The machine on this driver, with a directory of its own for each example."""

        def __init__(self) -> None:
            super().__init__(driver, f"{root}/{next(numbers)}")

    await anyio.to_thread.run_sync(lambda: run_state_machine_as_test(Bound, settings=settings))
