"""Link files: a digest as text. One that is missing, empty or garbage is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter

from holdfast.registry.model.digest import DigestError, parse_digest
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from holdfast.registry.model.digest import Digest
    from holdfast.storage.driver import StorageDriver

__all__ = ["has_link", "put_link", "read_link", "report_damage"]

_log = structlog.get_logger(__name__)

_damaged = Counter(
    "holdfast_registry_damaged_total", "Content or links in storage that can't be what was written.", ["kind"]
)


async def read_link(driver: StorageDriver, path: str) -> Digest | None:
    """Return what a link points to, or `None` where there is none or it is damaged."""
    try:
        content = await driver.get_content(path)
    except PathNotFoundError:
        return None
    try:
        return parse_digest(content.decode("ascii").strip())
    except (DigestError, UnicodeDecodeError):
        report_damage("link", path, size=len(content))
        return None


async def has_link(driver: StorageDriver, path: str, digest: Digest) -> bool:
    """Whether a link whose path says what it links to is there and was written whole: one stat.

    Its length tells enough: an empty or cut link is what crashes leave.
    """
    try:
        info = await driver.stat(path)
    except PathNotFoundError:
        return False
    if info.size != len(digest.algorithm) + 1 + len(digest.hex):
        report_damage("link", path, size=info.size)
        return False
    return True


async def put_link(driver: StorageDriver, path: str, digest: Digest) -> None:
    """Write a link, over whatever is there."""
    await driver.put_content(path, str(digest).encode("ascii"))


def report_damage(kind: str, path: str, **details: object) -> None:
    """Log and count something that is treated as missing because it can't be what was written."""
    _damaged.labels(kind=kind).inc()
    _log.warning("damaged in storage, treated as missing", kind=kind, path=path, **details)
