"""A fresh bucket, as somebody sees it who knows nothing of our drivers."""

import itertools
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from holdfast.testing import Store

__all__ = ["FreshBucket", "new_name"]

_numbers = itertools.count(1)


def new_name() -> str:
    """Returns a name that no bucket of this session has: stores may share one, as Swift does with its S3 interface."""
    return f"test-{next(_numbers)}"


class FreshBucket(ABC):
    """A bucket (a container) that was made for one test, on a store that is thrown away with all its buckets.

    All its methods send plain requests, each on a connection of its own, and wait for the answer.
    """

    driver: ClassVar[str]
    """The registered name of the driver for this kind of store."""

    @abstractmethod
    def put(self, key: str, content: bytes) -> None:
        """Writes an object."""

    @abstractmethod
    def get(self, key: str) -> bytes:
        """Reads an object; `StoreError` when it isn't there."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Deletes an object; `StoreError` when it isn't there, where the store says so."""

    @abstractmethod
    def keys(self, prefix: str = "") -> list[str]:
        """Returns the keys of all objects that have a prefix, sorted."""

    @abstractmethod
    def uploads(self) -> list[str]:
        """Returns the keys of uploads of parts that were neither completed nor aborted; none where they don't show."""

    @abstractmethod
    def parameters(self, **options: Any) -> dict[str, Any]:
        """Returns what `holdfast.storage.create` takes to open this bucket.

        Args:
            options: Further options of the driver, or others in the place of those.
        """

    def leftovers(self) -> list[str]:
        """Returns what lies in the bucket by whatever name: objects, and uploads as `upload:KEY`."""
        return [*self.keys(), *(f"upload:{key}" for key in self.uploads())]

    def store(self, **options: Any) -> Store:
        """Returns the bucket as the certification suite takes it, with the hooks that look behind the driver's back.

        Args:
            options: As for `parameters`.
        """
        parameters = self.parameters(**options)
        root = str(parameters.get("rootdirectory", "")).strip("/")
        inner = f"{root}/" if root else ""
        return Store.named(
            self.driver,
            parameters,
            seed_behind=lambda path, content: self.put(inner + path[1:], content),
            read_behind=lambda path: self.get(inner + path[1:]),
            leftovers=self.leftovers,
        )
