from __future__ import annotations

import inspect

import pytest

from holdfast.storage import errors
from holdfast.storage.errors import (
    BatchDeleteError,
    HoldfastError,
    PathNotFoundError,
    StorageError,
    StorageUnavailableError,
    ThrottledError,
)

CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)}


def test_the_tree_in_the_text_is_the_tree() -> None:
    """The drawing names every class, below its own base."""
    drawn: dict[str, str] = {}
    parents: list[tuple[int, str]] = [(-1, "Exception")]
    for line in (errors.__doc__ or "").splitlines():
        name = next((word for word in line.split() if word in CLASSES and "`" not in line), None)
        if name:
            column = line.index(name)
            while parents[-1][0] >= column:
                parents.pop()
            drawn[name] = parents[-1][1]
            parents.append((column, name))

    assert {name: kind.__mro__[1].__name__ for name, kind in CLASSES.items()} == drawn
    assert sorted(CLASSES) == errors.__all__


def test_what_may_be_tried_again_is_marked() -> None:
    """Retryable are exactly those that the drawing marks."""
    lines = (errors.__doc__ or "").splitlines()
    marked = {name for name in CLASSES for line in lines if "(retryable)" in line and f" {name} " in line}
    storage_errors = {name: kind for name, kind in CLASSES.items() if issubclass(kind, StorageError)}

    assert marked == {name for name, kind in storage_errors.items() if kind.retryable}


def test_an_error_reads_as_a_sentence_of_what_is_known() -> None:
    """Driver, operation and path come first, the message last; without a message the class says what it means."""
    error = PathNotFoundError()
    before = str(error)
    error.locate(driver="filesystem", op="stat", path="/a")

    assert "Nothing is at the path" == before
    assert "filesystem: stat /a: Nothing is at the path" == str(error)


def test_locating_fills_only_what_is_unknown() -> None:
    """What an inner layer said stands."""
    error = StorageUnavailableError("down", path="/inner")
    error.locate(driver="inner", op="move", path="/x")
    error.locate(driver="outer", op="writer", path="/y")

    assert ("inner", "move", "/inner") == (error.driver, error.op, error.path)


def test_a_batch_error_names_its_first_failure() -> None:
    """And carries all of them."""
    failures: dict[str, StorageError] = {"/a": ThrottledError("slow down", retry_after=2.5), "/b": PathNotFoundError()}
    error = BatchDeleteError(failures)

    assert "2 of the deletes failed, the first /a: slow down" == str(error)
    assert failures == error.failures


@pytest.mark.parametrize("kind", CLASSES.values())
def test_everything_is_ours(kind: type[Exception]) -> None:
    """One root catches all that is raised on purpose."""
    assert issubclass(kind, HoldfastError)
