"""The section `storage`: which driver, its parameters, and what the registry does with its storage."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from holdfast.config.section import Section

__all__ = ["BESIDE_THE_DRIVER", "DeleteSection", "StorageField", "StorageSection"]

BESIDE_THE_DRIVER = frozenset({"cache", "delete", "maintenance", "redirect", "tag"})
"""Keys of upstream's section that stand beside the driver's name, and so can't name a driver."""


class DeleteSection(Section):
    """Whether clients may delete."""

    enabled: bool = Field(
        default=False, description="Whether blobs and manifests can be deleted over HTTP; otherwise that answers 405."
    )


class StorageSection(Section):
    """Where the registry keeps its data.

    In the file, the driver's name is the key of its parameters; here the two are told apart.
    """

    driver: str = Field(description="The driver's name.")
    parameters: dict[str, Any] = Field(
        # Credentials may be among them; which ones they are, the driver's options tell later.
        default_factory=dict,
        repr=False,
        description="The driver's parameters.",
    )
    delete: DeleteSection = Field(default_factory=DeleteSection, description="Deleting over HTTP.")


def _from_file(value: Any) -> Any:
    """Turn `{filesystem: {...}, delete: {...}}` into what the model takes; `filesystem` alone is legal, too."""
    if isinstance(value, str):
        return {"driver": value}
    if not isinstance(value, dict):
        return value
    names = [key for key in value if key not in BESIDE_THE_DRIVER]
    if len(names) != 1:
        found = f"names {len(names)} drivers ({', '.join(names)})" if names else "names no driver"
        raise PydanticCustomError("storage", "{found}; it needs exactly one", {"found": found})
    parameters = value[names[0]]
    if parameters is not None and not isinstance(parameters, dict):
        raise PydanticCustomError("storage", "{name} needs parameters as `key: value`", {"name": names[0]})
    beside = {key: item for key, item in value.items() if key != names[0]}
    return {"driver": names[0], "parameters": parameters or {}, **beside}


StorageField = Annotated[StorageSection, BeforeValidator(_from_file)]
"""The section as the file has it."""
