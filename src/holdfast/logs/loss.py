"""What is told of lines that nobody read in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog
from prometheus_client import Counter

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["report_loss"]

_LOST = Counter("registry_log_lost_lines", "The lines that were dropped because nobody read the log", ["log"])

_log = structlog.get_logger(__name__)


def report_loss(log: Literal["access", "errors"]) -> Callable[[int], None]:
    """Return what counts lost lines of a log, and warns of them."""
    lost = _LOST.labels(log)

    def report(count: int) -> None:
        lost.inc(count)
        _log.warning("lines of a log were lost, nobody read it", log=log, count=count)

    return report
