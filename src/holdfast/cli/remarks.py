"""What drivers log while a command works, gathered instead of written."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

__all__ = ["Remarks", "gathered_logs"]

_GRAVE = frozenset({"warn", "warning", "error", "critical", "exception"})


@dataclass(slots=True, kw_only=True)
class Remarks:
    """What was logged.

    Attributes:
        identity: As whom the driver speaks to the store: the field `identity` of a line, by which drivers tell it.
        warnings: Lines from warnings up, each once.
    """

    identity: str | None = None
    warnings: list[str] = field(default_factory=list)

    def take(self, level: str, event: MutableMapping[str, Any]) -> None:
        """Take a line."""
        fields = dict(event)
        text = str(fields.pop("event", ""))
        if "identity" in fields:
            self.identity = str(fields["identity"])
        if level in _GRAVE:
            told = ", ".join(f"{key}={value}" for key, value in fields.items() if key != "exc_info")
            line = " ".join((f"{text} ({told})" if told else text).split())
            if line not in self.warnings:
                self.warnings.append(line)


@contextmanager
def gathered_logs() -> Iterator[Remarks]:
    """Gather this process's log, from infos up, that of libraries from warnings up; nothing of it is written."""
    remarks = Remarks()

    def gather(_: object, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        remarks.take(level, event)
        raise structlog.DropEvent

    before = structlog.get_config()
    handler = _Handler(remarks)
    root = logging.getLogger()
    root.addHandler(handler)
    structlog.configure(
        processors=[gather],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    try:
        yield remarks
    finally:
        structlog.configure(**before)
        root.removeHandler(handler)


class _Handler(logging.Handler):
    """The same for the lines of the standard library's loggers."""

    def __init__(self, remarks: Remarks) -> None:
        super().__init__(logging.WARNING)
        self._remarks = remarks

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        self._remarks.take(record.levelname.lower(), {"event": f"{record.name}: {record.getMessage()}"})
