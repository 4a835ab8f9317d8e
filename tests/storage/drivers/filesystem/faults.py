"""System calls that fail when they are called for the n-th time."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

__all__ = ["FailingCall", "fail_at"]


@dataclass(slots=True)
class FailingCall:
    """A call of `os` that fails once.

    Attributes:
        index: Which call fails, counted from 0.
        number: The error.
        calls: How many there were.
    """

    index: int
    number: int
    calls: int = 0
    renamed: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether it came to the call that fails."""
        return self.calls > self.index

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """The call, made to fail."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self.index + 1:
                raise OSError(self.number, os.strerror(self.number))
            return real(*args, **kwargs)

        return call


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, index: int, number: int = errno.EIO) -> FailingCall:
    """Make the index-th call of `os.<name>` from now on fail; renames that went through are noted."""
    failing = FailingCall(index, number)
    real_rename = os.rename

    def rename(source: str, destination: str, **kwargs: Any) -> None:
        real_rename(source, destination, **kwargs)
        failing.renamed.append(destination)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, name, failing.around(getattr(os, name)))
    return failing
