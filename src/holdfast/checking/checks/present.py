"""What is there already, looked at without writing anything."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from holdfast.checking.checks.redirects import fetch
from holdfast.storage import ops

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial
    from holdfast.storage.driver import FileInfo

__all__ = ["list_present", "range_present", "read_present", "redirect_present", "uploads_present", "walk_present"]

_MOST_WALKED: Final = 200
_MOST_READ: Final = 4 * 1024 * 1024
_NOTHING: Final = "nothing is there to read"


async def list_present(trial: Trial) -> None:
    """List the root."""
    for found in await trial.repeated(lambda _: trial.driver.list("/", limit=100)):
        trial.demand(found == sorted(found), "a list isn't in the order of bytes")


async def walk_present(trial: Trial) -> None:
    """Walk over the first files."""
    found = await trial.timed(lambda: _first_files(trial))
    trial.note(f"looked at {len(found)} files" if found else _NOTHING)
    for one, next_one in pairwise(found):
        trial.demand(one.path < next_one.path, f"not in the order of bytes: {one.path}, {next_one.path}")


async def read_present(trial: Trial) -> None:
    """Describe and read a file."""
    file = await _a_file(trial)
    if file is None:
        return
    info = await trial.driver.stat(file.path)
    content = await trial.timed(lambda: trial.driver.get_content(file.path))
    trial.demand(info.size == len(content), f"{file.path} is described with {info.size} bytes, and has {len(content)}")


async def range_present(trial: Trial) -> None:
    """Read a part of a file."""
    file = await _a_file(trial)
    if file is None:
        return
    content = await trial.driver.get_content(file.path)
    offset = len(content) // 2
    length = len(content) - offset
    part = await trial.timed(lambda: ops.read_exactly(trial.driver, file.path, offset=offset, length=length))
    trial.demand(part == content[offset:], f"{file.path} has other bytes when it is read in part")


async def uploads_present(trial: Trial) -> None:
    """Count unfinished writes."""

    async def count() -> int:
        return len([upload async for upload in trial.driver.list_uploads("/")])

    trial.note(f"{await trial.timed(count)} writes are unfinished")


async def redirect_present(trial: Trial) -> None:
    """Get a file at the URL that clients would be sent to."""
    file = await _a_file(trial)
    if file is None:
        return
    url = await trial.driver.redirect_url(file.path)
    if url is None:
        trial.warn("the driver says that it redirects, and tells no URL")
        return
    answer = await fetch(trial, "GET", url)
    if answer is not None:
        content = await trial.driver.get_content(file.path)
        trial.demand(answer.content == content, "the URL answers with other bytes than the file has")


async def _a_file(trial: Trial) -> FileInfo | None:
    found = [file for file in await _first_files(trial) if 0 < file.size <= _MOST_READ]
    if not found:
        trial.note(_NOTHING)
        return None
    return max(found, key=lambda file: file.size)


async def _first_files(trial: Trial) -> list[FileInfo]:
    found: list[FileInfo] = []
    files = trial.driver.walk("/")
    try:
        async for file in files:
            found.append(file)
            if len(found) >= _MOST_WALKED:
                break
    finally:
        if isinstance(files, AsyncGenerator):  # left early, it holds what it has opened
            await files.aclose()
    return found
