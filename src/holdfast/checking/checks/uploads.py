"""Unfinished writes that nobody continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial
    from holdfast.storage.driver import UploadInfo

__all__ = ["abandoned"]


async def abandoned(trial: Trial) -> None:
    """Begin a write of several parts, leave it, find it and throw it away."""
    path = trial.path("file")
    async with trial.writing(trial.driver, path) as writer:
        for chunk in trial.large.chunks():
            await writer.write(chunk)

    async def unfinished() -> list[UploadInfo]:
        return [upload async for upload in trial.driver.list_uploads(trial.path())]

    found = await trial.timed(unfinished)
    trial.demand([upload.path for upload in found] == [path], f"one write is unfinished, {len(found)} are listed")
    for upload in found:
        await trial.driver.abort_upload(upload)
    trial.demand(await unfinished() == [], "an unfinished write that was thrown away is still listed")
