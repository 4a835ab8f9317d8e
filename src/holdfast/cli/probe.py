"""Whether the storage can be used, found out before anybody pushes to it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from holdfast.storage.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["probe"]

_FOLDER = "/docker/registry/holdfast/probe"
"""Beside Distribution's own tree, so that no walk of it meets a probe."""


async def probe(driver: StorageDriver, where: str, *, read_only: bool = False) -> None:
    """Write, read and delete a small file; nothing is left of it, and an empty store is as good as a full one.

    Each probe has a path of its own: other replicas may be starting on the same storage.

    Args:
        driver: The storage.
        where: Where it is, for people.
        read_only: Whether the registry never writes: then the storage is only listed.

    Raises:
        ConfigurationError: One of them failed, or something else was read than was written.
    """
    if read_only:
        try:
            await driver.list("/", limit=1)
        except StorageError as error:
            reason = error.message or type(error).__name__
            raise ConfigurationError(f"the storage in {where} can't be listed: {reason}") from error
        return
    path = f"{_FOLDER}/{secrets.token_hex(8)}"
    content = path.encode()
    try:
        await driver.put_content(path, content)
        try:
            found = await driver.get_content(path)
        finally:
            await driver.delete(path)
    except StorageError as error:
        doing = {"put_content": "written", "get_content": "read", "delete": "deleted"}.get(error.op or "", "used")
        reason = error.message or type(error).__name__
        remedy = (
            "choose a folder that this user may write to"
            if driver.name == "filesystem"
            else "see that the driver's options are right and that they grant writing, reading and deleting"
        )
        raise ConfigurationError(f"the storage in {where} can't be {doing}: {reason}; {remedy}") from error
    if found != content:
        raise ConfigurationError(f"the storage in {where} gives back something else than was written to it")
