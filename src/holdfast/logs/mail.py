"""A mail for a line of the log (`log.hooks`, type `mail`): sent by a thread, a few at a time, never waited for."""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
import threading
from collections import deque
from email.message import EmailMessage
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import structlog

from holdfast.logs.formats import LEVEL_NAMES
from holdfast.logs.quoting import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from holdfast.logs.options import MailHookOptions

__all__ = ["Allowance", "MailHook"]

_SMTP_SECONDS: Final = 10.0
_WAITING: Final = 100
"""Lines that may wait for the mail server."""

_SUBJECT: Final = 200
"""Characters of a mail's subject."""

_SUMMARY: Final = ("summary", "more was logged than may be mailed", "")

_log = structlog.get_logger(__name__)


class Allowance:
    """How many mails may be sent: some at once, then one after each interval.

    Args:
        burst: How many at once, once none was sent for a while.
        interval: Seconds after which there is one more.
        clock: Seconds that only grow.
    """

    def __init__(self, *, burst: int = 10, interval: float = 60.0, clock: Callable[[], float] = monotonic) -> None:
        self._burst = burst
        self._interval = interval
        self._clock = clock
        self._full_at = clock()

    def take(self) -> bool:
        """Use one up, if there is one."""
        if self.wait() > 0:
            return False
        self._full_at = max(self._full_at, self._clock()) + self._interval
        return True

    def wait(self) -> float:
        """Return the seconds until there is one."""
        return max(0.0, self._full_at - self._clock() - (self._burst - 1) * self._interval)


class MailHook:
    """Mails the lines of some levels; a processor of structlog's chain that leaves every event as it is.

    It stands behind what formats a traceback, as that is told by the field `exception`.

    A line over the allowance isn't mailed but counted, and the next mail tells the number. That a mail can't be sent
    is logged once, until one can be sent again; its line is in the log in any case.
    """

    def __init__(self, options: MailHookOptions, allowance: Allowance | None = None) -> None:
        self._options = options
        self._allowance = allowance or Allowance()
        self._levels = {"warning" if level == "warn" else level for level in options.levels}
        self._waiting: deque[tuple[str, str, str]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._suppressed = 0
        self._failing = False
        self._thread: threading.Thread | None = None

    def __call__(self, _: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Have the event mailed, if it is of one of the levels."""
        level = LEVEL_NAMES.get(method, method)
        wanted = level in self._levels or ("panic" in self._levels and "exception" in event)
        # What a hook has to say about itself, it says in the log only.
        if wanted and not isinstance(threading.current_thread(), _MailThread):
            self._enqueue(level, event)
        return event

    def close(self, timeout: float) -> None:
        """Send what waits, as far as the allowance and `timeout` seconds go."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._closing = True
            self._changed.notify()
        if thread is not None:
            thread.join(timeout)

    def _enqueue(self, level: str, event: Mapping[str, Any]) -> None:
        with self._changed:
            if self._closing or len(self._waiting) >= _WAITING:
                self._suppressed += 1
                return
            self._waiting.append((level, str(event.get("event", "")), _details(event)))
            if self._thread is None:
                self._thread = _MailThread(target=self._run, name="log mail", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                # With a number to tell, not longer than until it may be told; a server that is down waits for a line.
                to_tell = self._suppressed and not self._failing
                self._changed.wait_for(
                    lambda: self._waiting or self._closing, self._allowance.wait() if to_tell else None
                )
                line = self._waiting.popleft() if self._waiting else None
                to_tell, closing = self._suppressed and not self._failing, self._closing
            if (line or to_tell) and self._allowance.take():
                self._send(*(line or _SUMMARY))
            elif line:
                with self._changed:
                    self._suppressed += 1
            elif closing:
                return

    def _send(self, level: str, message: str, details: str) -> None:
        with self._changed:
            suppressed, self._suppressed = self._suppressed, 0
        if suppressed:
            details += f"\n{suppressed} further lines were not mailed, see the log.\n"
        try:
            self._deliver(self._mail(level, message, details))
        except (OSError, ValueError, smtplib.SMTPException) as error:
            with self._changed:
                self._suppressed += suppressed
            if not self._failing:
                _log.warning("mails of the log can't be sent", server=self._options.host, error=str(error))
            self._failing = True
        else:
            self._failing = False

    def _mail(self, level: str, message: str, details: str) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = f"[{level}] {socket.gethostname()}: {escape(message)}"[:_SUBJECT]
        mail["From"] = self._options.sender
        mail["To"] = ", ".join(self._options.recipients)
        mail.set_content(f"{message}\n\n{details}".encode(errors="backslashreplace").decode())
        return mail

    def _deliver(self, mail: EmailMessage) -> None:
        options = self._options
        with smtplib.SMTP(options.host, options.port, timeout=_SMTP_SECONDS) as server:
            server.ehlo()
            encrypted = server.has_extn("starttls")
            if encrypted:
                server.starttls(context=_tls(insecure=options.insecure))
            if options.username:
                if not encrypted and not _is_this_machine(options.host):
                    raise smtplib.SMTPException("the server offers no encryption, so the password isn't sent")
                server.login(options.username, options.password)
            refused = server.send_message(mail, options.sender, list(options.recipients))
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)


class _MailThread(threading.Thread):
    """A thread that sends mails."""


def _details(event: Mapping[str, Any]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in sorted(event.items()) if key != "event")


def _tls(*, insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
