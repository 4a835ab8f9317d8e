"""What the opendal driver takes."""

from __future__ import annotations

from pydantic import Field, SecretStr

from holdfast.storage.drivers._bridge.options import BridgeOptions, Given

__all__ = ["OpendalOptions"]


class OpendalOptions(BridgeOptions):
    """Options of the `opendal` driver."""

    scheme: str = Field(
        min_length=1, description="The service, by its name in OpenDAL: `webdav`, `fs`, `s3`, `azblob`, `redis`, ..."
    )
    options: Given = Field(
        default=SecretStr("{}"),
        description=(
            "What the service is made with, as its own page in OpenDAL has it: `endpoint`, `bucket`, `username`, ... A"
            " mapping, or JSON in one text; all of it counts as secret. Its `root` is `rootdirectory` here."
        ),
    )
    rootdirectory: str = Field(
        default="",
        description="The directory that holds everything, or what all keys begin with; made, if it is missing.",
    )
