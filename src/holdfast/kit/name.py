"""The name of a driver that is to be written, and the names that come of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from holdfast.config.storage import BESIDE_THE_DRIVER
from holdfast.kit.errors import PackageError
from holdfast.storage import factory

__all__ = ["DriverName"]

_MAX_CHARACTERS: Final = 40
_RULE: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_WORDS: Final = frozenset({"check", "new", "show"})
"""What `holdfast drivers` takes for a command of its own."""


@dataclass(frozen=True, slots=True)
class DriverName:
    """A driver's name that is free to be used.

    Attributes:
        driver: The driver's own, such as `my-store`: the key below `storage` in a configuration file.
    """

    driver: str

    @classmethod
    def checked(cls, name: str) -> Self:
        """Take a name for a new driver.

        Raises:
            PackageError: It isn't made like one, means something else, or an installed driver has it.
        """
        if len(name) > _MAX_CHARACTERS or not _RULE.fullmatch(name):
            raise PackageError(
                f"a driver's name is of a-z and 0-9, begins with a letter, may have single '-' and '_' within, and has"
                f" at most {_MAX_CHARACTERS} characters: not {name!r}"
            )
        if name in _WORDS:
            raise PackageError(f"no driver can be called {name!r}: `holdfast drivers {name}` is a command")
        if name in BESIDE_THE_DRIVER:
            raise PackageError(f"no driver can be called {name!r}: `storage.{name}` means something else")
        owners = [source.owner for source in factory.sources() if source.name == name]
        if owners:
            raise PackageError(f"the driver name {name!r} is taken, by {' and '.join(owners)}")
        return cls(name)

    @property
    def package(self) -> str:
        """The distribution's name, such as `holdfast-my-store`."""
        return f"holdfast-{self.driver.replace('_', '-')}"

    @property
    def module(self) -> str:
        """The name to import, such as `holdfast_my_store`."""
        return f"holdfast_{self.driver.replace('-', '_')}"

    @property
    def class_name(self) -> str:
        """What the classes' names begin with, such as `MyStore`."""
        return "".join(word.capitalize() for word in re.split("[-_]", self.driver))
