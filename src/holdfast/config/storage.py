"""The section `storage`: which driver, its parameters, and what the registry does with its storage."""

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from holdfast.config.scalars import Boolean, Count, Integer
from holdfast.config.section import NotInFile, Section, below
from holdfast.duration import Duration, PositiveDuration

__all__ = [
    "BESIDE_THE_DRIVER",
    "CacheSection",
    "DeleteSection",
    "MaintenanceSection",
    "ReadOnlySection",
    "RedirectSection",
    "StorageField",
    "StorageSection",
    "TagSection",
    "UploadPurgingSection",
]

BESIDE_THE_DRIVER = frozenset({"cache", "delete", "maintenance", "redirect", "tag"})
"""Keys of the section that stand beside the driver's name, and so can't name a driver."""


class CacheSection(Section):
    """What is remembered of the storage."""

    blobdescriptor: Literal["inmemory", "redis"] | None = Field(
        default=None,
        description=(
            "Where facts about blobs are remembered. Without it, facts that can't change are remembered in memory all"
            " the same, and existence never is."
        ),
    )
    layerinfo: Literal["inmemory", "redis"] | None = Field(
        default=None, description="The old name of `blobdescriptor`, which wins where both are there."
    )
    blobdescriptorsize: Integer = Field(
        default=10_000, description="How many blobs are remembered; 0 or less for as many as memory holds."
    )

    @property
    def kind(self) -> Literal["inmemory", "redis"] | None:
        """What is configured, by either name; `None` for nothing."""
        return self.blobdescriptor or self.layerinfo


class DeleteSection(Section):
    """Whether clients may delete."""

    enabled: Boolean = Field(
        default=False, description="Whether blobs and manifests can be deleted over HTTP; otherwise that answers 405."
    )


class UploadPurgingSection(Section):
    """How uploads that nobody finished are removed."""

    enabled: Boolean = Field(default=True, description="Whether unfinished uploads are removed by and by.")
    age: Duration = Field(default=timedelta(hours=168), description="How old an unfinished upload may get.")
    interval: PositiveDuration = Field(default=timedelta(hours=24), description="How often old uploads are looked for.")
    dryrun: Boolean = Field(default=False, description="Only log what would be removed.")


class ReadOnlySection(Section):
    """Whether the registry takes no writes."""

    enabled: Boolean = Field(default=False, description="Whether pushes and deletes are refused.")


class MaintenanceSection(Section):
    """What keeps the storage in order."""

    uploadpurging: UploadPurgingSection = below("How uploads that nobody finished are removed.")
    readonly: ReadOnlySection = below("Whether the registry takes no writes.")


class RedirectSection(Section):
    """Whether clients are sent to the storage for content."""

    disable: Boolean = Field(
        default=False, description="Send all content through the registry, even where the storage could serve it."
    )


class TagSection(Section):
    """How tags are looked up."""

    concurrencylimit: Count = Field(
        default=0,
        description=(
            "How many tags are read at a time when those of a manifest are looked for; 0 for the number of processors."
        ),
    )


class StorageSection(Section):
    """Where the registry keeps its data.

    In the file, the driver's name is the key of its parameters; here the two are told apart.
    """

    names_a_driver: ClassVar[bool] = True

    driver: Annotated[str, NotInFile()] = Field(description="The driver's name.")
    parameters: Annotated[dict[str, Any], NotInFile()] = Field(
        # Credentials may be among them; which ones they are, the driver's options tell later.
        default_factory=dict,
        repr=False,
        description="The driver's parameters.",
    )
    cache: CacheSection = below("What is remembered of the storage.")
    delete: DeleteSection = below("Deleting over HTTP.")
    maintenance: MaintenanceSection = below("What keeps the storage in order.")
    redirect: RedirectSection = below("Whether clients are sent to the storage for content.")
    tag: TagSection = below("How tags are looked up.")


def _from_file(value: Any) -> Any:
    """Turn `{filesystem: {...}, delete: {...}}` into what the model takes; `filesystem` alone is legal, too."""
    if isinstance(value, str):
        return {"driver": value}
    if not isinstance(value, dict):
        return value
    names = [key for key in value if key not in BESIDE_THE_DRIVER]
    if len(names) != 1:
        found = f"names {len(names)} drivers ({', '.join(names)})" if names else "names no driver"
        raise PydanticCustomError("drivers", "{found}; it needs exactly one", {"found": found})
    parameters = value[names[0]]
    if parameters is not None and not isinstance(parameters, dict):
        raise PydanticCustomError("storage", "{name} needs parameters as `key: value`", {"name": names[0]})
    beside = {key: item for key, item in value.items() if key != names[0]}
    given = {key: item for key, item in (parameters or {}).items() if item is not None}
    return {"driver": names[0], "parameters": given, **beside}


StorageField = Annotated[StorageSection, BeforeValidator(_from_file)]
"""The section as the file has it."""
