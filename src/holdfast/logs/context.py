"""What the lines of one task have in common, looked up only when there is a line."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOG_CONTEXT", "LogContext"]


class LogContext(Protocol):
    """Where a line comes from."""

    def fields(self) -> Mapping[str, object]:
        """Return what a line says about it, by name; must not log."""
        ...


LOG_CONTEXT: ContextVar[LogContext | None] = ContextVar("LOG_CONTEXT", default=None)
"""The context of the task that runs, and of the tasks it starts."""
