"""Sends the log of the process to standard error."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

import structlog

from holdfast.logs.context import LOG_CONTEXT
from holdfast.logs.formats import renderer
from holdfast.logs.loss import report_loss
from holdfast.logs.mail import MailHook
from holdfast.logs.writer import LineWriter, stream_number

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from structlog.typing import Processor

    from holdfast.logs.options import LogLevel, LogOptions

__all__ = ["Log", "configure_logs"]

_LEVELS: dict[LogLevel, int] = {
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}

_CALLER = structlog.processors.CallsiteParameterAdder(
    {
        structlog.processors.CallsiteParameter.PATHNAME,
        structlog.processors.CallsiteParameter.LINENO,
        structlog.processors.CallsiteParameter.FUNC_NAME,
    }
)

_CLOSE_SECONDS: Final = 5.0


class Log(AbstractContextManager["Log"]):
    """The log of a process, as it was configured; leaving its context writes and mails what still waits."""

    def __init__(self, writer: LineWriter, hooks: tuple[MailHook, ...]) -> None:
        self._writer = writer
        self._hooks = hooks

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write and mail what waits, for 5 seconds each at most; lines can be logged afterwards, mails aren't sent."""
        for hook in self._hooks:
            hook.close(_CLOSE_SECONDS)
        self._writer.close(_CLOSE_SECONDS)


def configure_logs(options: LogOptions) -> Log:
    """Send this process's log to standard error from now on, that of libraries included (from warnings up)."""
    terminal = sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    writer = LineWriter(stream_number(sys.stderr, 2), on_loss=report_loss("errors"))
    hooks = tuple(MailHook(hook) for hook in options.hooks if not hook.disabled)
    chain: list[Processor] = [
        _Fields(options.fields),
        structlog.contextvars.merge_contextvars,
        # Frames and the values in them are left out: what a variable holds may be a secret.
        structlog.processors.format_exc_info,
        *hooks,
        renderer(options.formatter, terminal=terminal),
    ]
    caller: list[Processor] = [_CALLER] if options.report_caller else []
    structlog.configure(
        processors=[*caller, *chain],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[options.level]),
        logger_factory=_LoggerFactory(writer),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(writer)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *chain],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *caller],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(_LEVELS[options.level], logging.WARNING), force=True)
    return Log(writer, hooks)


class _Fields:
    """Adds what all lines say, and what the lines of the running task say; a line's own fields go before."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = dict(fields)

    def __call__(self, _: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        context = LOG_CONTEXT.get()
        if context is None:
            return {**self._fields, **event}
        return {**self._fields, **context.fields(), **event}


class _Logger:
    """Writes finished lines; structlog calls it by the name of the level."""

    def __init__(self, writer: LineWriter) -> None:
        self._write = writer.write_straight

    def msg(self, line: str) -> None:
        """Write a line."""
        self._write(_encoded(line))

    debug = info = warn = warning = error = exception = critical = fatal = msg


class _LoggerFactory:
    def __init__(self, writer: LineWriter) -> None:
        self._logger = _Logger(writer)

    def __call__(self, *_: object) -> _Logger:
        return self._logger


class _Handler(logging.Handler):
    """The same for the lines of the standard library's loggers."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; one that can't be formatted is reported as all handlers do."""
        try:
            line = _encoded(self.format(record))
        except Exception:  # noqa: BLE001 - a wrong logging call, of any library, isn't the caller's end
            self.handleError(record)
        else:
            self._writer.write_straight(line)


def _encoded(line: str) -> bytes:
    return f"{line}\n".encode(errors="backslashreplace")
