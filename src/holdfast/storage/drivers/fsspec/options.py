"""What the fsspec driver takes."""

from __future__ import annotations

from pydantic import Field, SecretStr

from holdfast.storage.drivers._bridge.options import BridgeOptions, Given

__all__ = ["FsspecOptions"]


class FsspecOptions(BridgeOptions):
    """Options of the `fsspec` driver."""

    protocol: str = Field(
        min_length=1,
        description=(
            "The filesystem, by its name in fsspec: `sftp`, `smb`, `s3`, `file`, ... It needs the package that fsspec"
            " says, such as paramiko for `sftp`."
        ),
    )
    options: Given = Field(
        default=SecretStr("{}"),
        description=(
            "What the filesystem is made with, as its own page in fsspec has it: `host`, `username`, `endpoint_url`,"
            " ... A mapping, or JSON in one text; all of it counts as secret."
        ),
    )
    connections: int = Field(
        default=4,
        ge=1,
        description=(
            "How many connections to a server of files there are at most; each does one thing at a time. Object stores"
            " and local filesystems have no use for it."
        ),
    )
    rootdirectory: str = Field(
        min_length=1,
        description=(
            "The directory that holds everything, as the filesystem names it: a path, or a bucket and what keys begin"
            " with. A directory is made by the first write, if it is missing; a bucket must exist."
        ),
    )
