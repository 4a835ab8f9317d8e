"""What is logged, and how: the configuration's section `log`, in plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HookLevel", "LogFormatter", "LogLevel", "LogOptions", "MailHookOptions"]

LogLevel: TypeAlias = Literal["error", "warn", "info", "debug"]
"""The least grave lines that are written."""

LogFormatter: TypeAlias = Literal["text", "json", "logstash"]
"""How a line is written down."""

HookLevel: TypeAlias = Literal["panic", "fatal", "error", "warning", "warn", "info", "debug", "trace"]
"""What a hook waits for. `panic` is Distribution's word for a bug: a line with a traceback, whatever its level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHookOptions:
    """A mail for each line of some levels (`log.hooks`, type `mail`).

    Attributes:
        levels: Which lines. Only those that `log.level` lets through are seen at all.
        host: The SMTP server's name or address.
        port: Its port. Encryption is by STARTTLS, wherever the server offers it.
        username: Who to log in as; empty sends without logging in.
        password: The password to it. It is sent encrypted, or to this machine itself, or not at all.
        insecure: Whether any certificate of the server will do.
        sender: The mail's `From`.
        recipients: The mail's `To`.
        disabled: Whether the hook is to be left out.
    """

    levels: frozenset[HookLevel]
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    insecure: bool = False
    sender: str
    recipients: tuple[str, ...]
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """The log of a process.

    Attributes:
        level: The least grave lines that are written.
        formatter: How a line is written down; `text` is coloured on a terminal.
        fields: What every line says besides its own, by name.
        report_caller: Whether a line says which file, line and function it comes from.
        access_log: Whether requests are logged one by one, to standard output.
        hooks: Mails to send.
    """

    level: LogLevel = "info"
    formatter: LogFormatter = "text"
    fields: Mapping[str, object] = field(default_factory=dict)
    report_caller: bool = False
    access_log: bool = True
    hooks: tuple[MailHookOptions, ...] = ()
