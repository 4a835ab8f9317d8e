"""Hypothesis beside an event loop: examples are drawn in a thread, and tried on the test's own loop."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.from_thread
import anyio.to_thread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from holdfast.storage.driver import StorageDriver

__all__ = ["COMPONENTS", "example_settings", "fresh_directory", "texts_near_paths", "trees", "try_examples"]

ExampleT = TypeVar("ExampleT")

COMPONENTS = ("a", "a-b", "a.b", "ab", "b")
"""Few names, so that they meet, and with every character that sorts around the slash."""

_numbers = count()


def example_settings(examples: int) -> settings:
    """Settings for so many examples; the same ones in each run of a CI, which sets `CI`."""
    reproducible = bool(os.environ.get("CI"))
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=reproducible,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


async def try_examples(
    chosen: settings, strategy: st.SearchStrategy[ExampleT], body: Callable[[ExampleT], Coroutine[Any, Any, None]]
) -> None:
    """Run an async body for each example of a strategy, on the loop that this is called from."""

    @chosen
    @given(strategy)
    def attempt(example: ExampleT) -> None:
        anyio.from_thread.run(body, example)

    await anyio.to_thread.run_sync(attempt)


@asynccontextmanager
async def fresh_directory(driver: StorageDriver, scratch: str) -> AsyncIterator[str]:
    """A directory for one example, deleted afterwards."""
    directory = f"{scratch}/example-{next(_numbers)}"
    try:
        yield directory
    finally:
        with suppress(PathNotFoundError):  # the example may have left nothing
            await driver.delete(directory)


@st.composite
def trees(draw: st.DrawFn) -> list[str]:
    """Relative paths of files that can exist together: none is another's directory."""
    paths = draw(st.sets(st.lists(st.sampled_from(COMPONENTS), min_size=1, max_size=3).map("/".join), max_size=10))
    return sorted(path for path in paths if not any(path.startswith(f"{other}/") for other in paths))


def texts_near_paths() -> st.SearchStrategy[str]:
    """Strings as someone may give for `start_after`: like a path, or not at all."""
    near = st.lists(st.sampled_from([*COMPONENTS, "a-", "a/", "", "~", "b/a-b"]), max_size=3).map("/".join)
    return near | st.text(alphabet="ab/-._~ ", max_size=6)
