"""What is known of OpenDAL's services beside what their operators tell.

An operator tells what it can do, and not how: whether a path is a key, whether a rename replaces at once, and whether
deleting a directory takes with it what is in it. A service that isn't here counts as a tree of which the least is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._bridge.backend import Traits

if TYPE_CHECKING:
    from opendal.capability import Capability

__all__ = ["NEEDED", "traits_of"]

NEEDED: Final = ("read", "write", "stat", "list", "delete")
"""What no driver can do without."""

_KEYS: Final = frozenset(
    {
        "azblob",
        "b2",
        "cos",
        "dashmap",
        "gcs",
        "memcached",
        "memory",
        "mini_moka",
        "moka",
        "mongodb",
        "mysql",
        "obs",
        "oss",
        "postgresql",
        "redb",
        "redis",
        "s3",
        "sled",
        "sqlite",
        "swift",
        "tos",
        "upyun",
    }
)
"""Object stores and databases: a path is a key, and content shows when its writer is closed."""

_IN_PROCESS: Final = frozenset({"dashmap", "memory", "mini_moka", "moka"})

_REPLACING: Final = frozenset({"fs", "hdfs_native", "sftp"})
"""A rename replaces at once. Of WebDAV's `MOVE` the standard leaves that to the server."""

_REFUSING: Final = frozenset({"fs"})
"""Deleting a directory that isn't empty is refused."""

_ORDERED: Final = frozenset({"cos", "gcs", "obs", "oss", "s3", "swift", "tos"})
"""Listings are in byte order, with sizes."""

_ONE_PIECE: Final = 64 * 1024 * 1024
"""The most that is sent at once, where a service takes content in one piece: all of it is in memory meanwhile."""


def _piece(able: Capability) -> int:
    return min(able.write_total_max_size or _ONE_PIECE, _ONE_PIECE)


def traits_of(scheme: str, able: Capability) -> Traits:
    """What a bridge may ask of a service.

    Args:
        scheme: The service's name.
        able: What its operator says.
    """
    keys = scheme in _KEYS
    return Traits(
        tree=not keys,
        shared=scheme not in _IN_PROCESS,
        rename=able.rename,
        replaces=able.rename and scheme in _REPLACING,
        copy=able.copy,
        removes_empty=scheme in _REFUSING,
        ordered=scheme in _ORDERED and able.list_with_recursive and able.list_with_start_after,
        create_only=keys and able.write_with_if_not_exists,
        sign_get=able.presign_read,
        sign_head=able.presign_stat,
        max_piece=None if able.write_can_multi or scheme in _IN_PROCESS else _piece(able),
    )
