"""Puts the logs of requests around an application."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from holdfast.logs import LineWriter, report_loss, stream_number
from holdfast.registry.http.access_log import AccessLog
from holdfast.registry.http.request_log import CompletionLog, RequestLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

    from holdfast.logs import LogOptions

__all__ = ["logged"]

_CLOSE_SECONDS: Final = 5.0


@contextmanager
def logged(app: ASGIApp, options: LogOptions) -> Iterator[ASGIApp]:
    """Have the requests to an application logged; what isn't wanted isn't in the way.

    Yields the application to serve. The access log goes to standard output; leaving writes what waits, for 5 seconds
    at most. Leave after the last request.
    """
    app = RequestLog(CompletionLog(app) if options.level == "debug" else app)
    if not options.access_log:
        yield app
        return
    writer = LineWriter(stream_number(sys.stdout, 1), on_loss=report_loss("access"))
    try:
        yield AccessLog(app, writer.write)
    finally:
        writer.close(_CLOSE_SECONDS)
