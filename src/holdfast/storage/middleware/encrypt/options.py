"""What `encrypt` takes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from holdfast.storage.middleware.encrypt.keys import Keys
from holdfast.storage.options import DriverOptions

__all__ = ["EncryptOptions"]


class EncryptOptions(DriverOptions):
    """Where the keys are. They are read once, when the storage is opened."""

    keyfile: str | None = Field(
        default=None,
        min_length=1,
        description="A file of keys, one a line: an id, a space, and 32 bytes in Base64. The first line's key encrypts"
        " what is written from now on, all of them decrypt what is there.",
    )
    keyenv: str | None = Field(
        default=None,
        min_length=1,
        description="Instead of a file, the variable of the environment that holds the same lines; a comma ends a line"
        " as well.",
    )
    plaintext: Literal["refuse", "read"] = Field(
        default="refuse",
        description="What is done with files that aren't encrypted: `refuse` to read them, or `read` them as they are,"
        " while a store is being migrated. Then each `stat` reads the beginning of the file as well.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> EncryptOptions:
        if (self.keyfile is None) == (self.keyenv is None):
            raise ValueError("needs a `keyfile` or a `keyenv`, and not both")
        return self

    def keys(self) -> Keys:
        """Read the keys.

        Raises:
            ValueError: They can't be read, or aren't keys.
        """
        if self.keyfile is not None:
            return Keys.read(self.keyfile)
        return Keys.from_environment(self.keyenv or "")
