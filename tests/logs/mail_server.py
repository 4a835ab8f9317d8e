"""An SMTP server on this machine that keeps what it is sent."""

import ssl
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.services.server import free_port

__all__ = ["MailServer"]


class MailServer:
    """A server in a thread of its own, while the context is entered.

    Args:
        password: What a client that logs in has to know.
        tls: What it encrypts with, once asked to.
        refuse: A recipient that it doesn't take mail for.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        mails: What it was sent.
        logins: Who logged in, and with what.
        encrypted: Whether each mail came encrypted.
    """

    def __init__(self, *, password: str | None = None, tls: ssl.SSLContext | None = None, refuse: str = "") -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.encrypted: list[bool] = []
        self._password = password
        self._refuse = refuse
        self._came = threading.Condition()
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            tls_context=tls,
            authenticator=self._log_in if password is not None else None,
            auth_require_tls=False,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def wait_for(self, count: int) -> list[EmailMessage]:
        """Wait until so many mails have come, and return them."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.mails) >= count, 10), f"{len(self.mails)} mails came"
        return self.mails

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self, _: object, __: object, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if address == self._refuse:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a mail."""
        del server
        with self._came:
            self.envelopes.append(envelope)
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            self.mails.append(message_from_bytes(content, policy=policy.default))
            self.encrypted.append(session.ssl is not None)
            self._came.notify_all()
        return "250 OK"

    def _log_in(self, server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        # `handled` would mean that the client has been told already.
        return AuthResult(success=data.password == (self._password or "").encode(), handled=False)
