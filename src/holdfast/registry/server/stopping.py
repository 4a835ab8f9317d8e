"""The signals of whoever runs the server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["stop_signals"]

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger(__name__)


@contextlib.contextmanager
def stop_signals(on_reload: Callable[[], None] | None) -> Iterator[asyncio.Event]:
    """Turn the first SIGTERM or SIGINT into an event, and give the second one back to the kernel.

    Args:
        on_reload: Called at each SIGHUP; `None` leaves that signal what it was.
    """
    loop = asyncio.get_running_loop()
    caught = (*_STOPS, signal.SIGHUP) if on_reload else _STOPS
    before = {number: signal.getsignal(number) for number in caught}
    stop = asyncio.Event()

    def on_stop(number: signal.Signals) -> None:
        for each in _STOPS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        _log.info("stopping", signal=number.name)
        stop.set()

    for number in _STOPS:
        loop.add_signal_handler(number, on_stop, number)
    if on_reload:
        loop.add_signal_handler(signal.SIGHUP, on_reload)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
