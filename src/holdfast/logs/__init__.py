"""The log of the process: lines on standard error, as text or JSON, and mails for some of them.

What is said about a request stands in `holdfast.registry.http`: the access log, and the fields of a request's lines.
"""

from holdfast.logs.configure import Log, configure_logs
from holdfast.logs.context import LOG_CONTEXT, LogContext
from holdfast.logs.loss import report_loss
from holdfast.logs.options import HookLevel, LogFormatter, LogLevel, LogOptions, MailHookOptions
from holdfast.logs.writer import LineWriter, stream_number

__all__ = [
    "LOG_CONTEXT",
    "HookLevel",
    "LineWriter",
    "Log",
    "LogContext",
    "LogFormatter",
    "LogLevel",
    "LogOptions",
    "MailHookOptions",
    "configure_logs",
    "report_loss",
    "stream_number",
]
