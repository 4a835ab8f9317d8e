"""What is known of fsspec's protocols. Its filesystems don't say what they can do; their code and documentation do.

What isn't here counts as the least: a tree in which a rename may not replace, and in which removing a directory may
take with it what is in it.
"""

from __future__ import annotations

from typing import Final

from holdfast.storage.drivers._bridge.backend import Traits

__all__ = ["is_exclusive", "traits_of"]

_KEYS: Final = frozenset(
    {"abfs", "abfss", "az", "gcs", "gs", "oss", "s3", "s3a", "tos"},
)
"""Object stores: a path is a key, content shows when its file is closed, and copying is done by the store."""

_SIGNING: Final = frozenset({"s3", "s3a"})
"""Those whose URLs can be signed for `GET` and for `HEAD`."""

_IN_PROCESS: Final = frozenset({"memory"})

_REPLACING: Final = frozenset({"file", "local", "memory", "sftp", "ssh"})
"""`mv` is a rename that replaces: `os.rename`, OpenSSH's `posix-rename`, an entry of a dictionary."""

_REFUSING: Final = frozenset({"file", "ftp", "local", "memory", "sftp", "smb", "ssh"})
"""`rmdir` refuses a directory that isn't empty."""


_BY_MANY: Final = _KEYS | {"file", "local", "memory"}
"""Those that many threads may use at once."""


def is_exclusive(protocol: str) -> bool:
    """Whether a filesystem does one thing at a time: of paramiko, two threads read each other's answers."""
    return protocol not in _BY_MANY


def traits_of(protocol: str, *, anonymous: bool) -> Traits:
    """What a bridge may ask of a protocol.

    Args:
        protocol: Its name.
        anonymous: Whether no credentials are sent: then nothing can be signed.
    """
    keys = protocol in _KEYS
    signs = protocol in _SIGNING and not anonymous
    return Traits(
        tree=not keys,
        shared=protocol not in _IN_PROCESS,
        rename=protocol in _REPLACING,
        replaces=protocol in _REPLACING,
        copy=keys,
        removes_empty=protocol in _REFUSING,
        sign_get=signs,
        sign_head=signs,
    )
