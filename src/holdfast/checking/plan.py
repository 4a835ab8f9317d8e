"""What is to be checked, and how thoroughly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from holdfast import storage
from holdfast.storage import factory, options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.storage.driver import StorageDriver

__all__ = ["Plan", "Subject"]

_MIB: Final = 1024 * 1024
_LEAST_LARGE: Final = 12 * _MIB
_MOST_LARGE: Final = 24 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The storage to check.

    Attributes:
        name: The driver's name.
        parameters: Its options, as a configuration gives them.
        middleware: What stands around the driver, by name and options, the first innermost.
        where: Where it keeps its data, for people.
        part: How many bytes it sends at once of large content, as far as its options tell.
    """

    name: str
    parameters: Mapping[str, Any]
    middleware: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    where: str = ""
    part: int | None = None

    @classmethod
    def named(
        cls,
        name: str,
        parameters: Mapping[str, Any],
        *,
        middleware: tuple[tuple[str, Mapping[str, Any]], ...] = (),
        where: str = "",
    ) -> Self:
        """Take a driver by its name, as `holdfast.storage.create` does; nothing is connected to.

        Raises:
            ConfigurationError: The name or a parameter is wrong.
        """
        parsed = options.parse(name, factory.load(name).Options, parameters)
        part = getattr(parsed, "chunksize", None)
        return cls(
            name=name,
            parameters=parameters,
            middleware=middleware,
            where=where or name,
            part=part if isinstance(part, int) else None,
        )

    def open(self, changes: Mapping[str, Any] | None = None) -> StorageDriver:
        """Make the driver and what stands around it, some of its options changed; nothing is connected to.

        Raises:
            ConfigurationError: A name or a parameter is wrong.
        """
        return storage.create(self.name, {**self.parameters, **(changes or {})}, middleware=self.middleware)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to check.

    Attributes:
        read_only: Whether to write nothing: only what is there is looked at.
        size: Bytes of the large file; `None` for somewhat more than the driver sends at once, 12 to 24 MiB.
        seconds: How long a check may take before it counts as failed; those of large files have four times as long.
        repetitions: How often small operations are repeated to tell how long they take.
        redirects: Whether the registry will send clients to the storage.
    """

    read_only: bool = False
    size: int | None = None
    seconds: float = 60.0
    repetitions: int = 5
    redirects: bool = True

    def large(self, part: int | None) -> int:
        """Bytes of the large file, for a driver that sends parts of this size."""
        if self.size is not None:
            return self.size
        return min(_MOST_LARGE, max(_LEAST_LARGE, (part or 0) + 2 * _MIB))
