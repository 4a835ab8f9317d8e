import ssl
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import structlog
import trustme
from structlog.testing import LogCapture

from holdfast.logs import MailHookOptions, mail
from holdfast.logs.mail import Allowance, MailHook
from tests.services.server import free_port

from .mail_server import MailServer


@pytest.fixture
def logged() -> Iterator[LogCapture]:
    """What is logged, by structlog's loggers."""
    before = structlog.get_config()
    capture = LogCapture()
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    yield capture
    structlog.configure(**before)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


class Stuck(MailHook):
    """A hook whose mail server doesn't answer until it is let.

    Attributes:
        sending: Set while a mail is being sent.
        answer: Set it to have the server answer.
    """

    def __init__(self, options: MailHookOptions, allowance: Allowance | None = None) -> None:
        super().__init__(options, allowance)
        self.sending = threading.Event()
        self.answer = threading.Event()

    def _deliver(self, mail: object) -> None:
        del mail
        self.sending.set()
        self.answer.wait(20)


def _options(port: int, *levels: Any, **others: Any) -> MailHookOptions:
    given: dict[str, Any] = {"sender": "registry@example.com", "recipients": ("a@example.com", "b@example.com")}
    return MailHookOptions(levels=frozenset(levels), host="127.0.0.1", port=port, **(given | others))


def _text(mail: EmailMessage) -> str:
    text: str = mail.get_content()
    return text.replace("\r\n", "\n")


def _report(hook: MailHook, method: str, message: str, **fields: object) -> None:
    event = {"event": message, **fields}

    assert event == hook(None, method, dict(event))


def test_a_line_of_a_level_is_mailed_with_all_it_says() -> None:
    """A mail goes from the sender to all recipients; it has level and message as subject, and the fields as text."""
    with MailServer() as server:
        hook = MailHook(_options(server.port, "error"))
        _report(hook, "error", "storage failed", **{"vars.name": "a/b", "error": "no space\nleft"})
        hook.close(10)

    (sent,) = server.mails
    assert sent["Subject"].startswith("[error] ")
    assert sent["Subject"].endswith(": storage failed")
    assert ("registry@example.com", "a@example.com, b@example.com") == (sent["From"], sent["To"])
    assert ["a@example.com", "b@example.com"] == server.envelopes[0].rcpt_tos
    assert "storage failed\n\nerror: no space\nleft\nvars.name: a/b\n" == _text(sent)


@pytest.mark.parametrize(
    ("levels", "mailed"),
    [
        (["error"], ["error", "bug"]),
        (["warn"], ["warning"]),
        (["warning", "info"], ["warning", "info"]),
        (["fatal"], ["critical"]),
        (["panic"], ["bug"]),
        (["trace"], []),
    ],
)
def test_only_lines_of_the_levels_are_mailed(levels: list[str], mailed: list[str]) -> None:
    """A hook sees its levels alone; `panic` is a line with a traceback."""
    with MailServer() as server:
        hook = MailHook(_options(server.port, *levels))
        for method in ("debug", "info", "warning", "error", "critical"):
            _report(hook, method, method)
        _report(hook, "error", "bug", exception="Traceback: ...")
        hook.close(10)

    assert sorted(mailed) == sorted(sent["Subject"].rpartition(": ")[2] for sent in server.mails)


def test_nothing_that_is_logged_can_add_a_header() -> None:
    """Line ends, control characters and broken Unicode in a message stay inside the subject, which stays short."""
    with MailServer() as server:
        hook = MailHook(_options(server.port, "error"))
        _report(hook, "error", "x\r\nBcc: c@example.com\x00\udce9" + "y" * 10_000, name="\udce9")
        hook.close(10)

    (sent,) = server.mails
    assert None is sent["Bcc"]
    assert "x\\r\\nBcc: c@example.com\\x00\\xe9yyy" in sent["Subject"]
    assert len(sent["Subject"]) <= 200
    assert 2 == len(server.envelopes[0].rcpt_tos)


def test_a_storm_sends_a_few_mails_and_a_count(logged: LogCapture) -> None:
    """Past the allowance lines are counted; the next mail that may be sent tells how many, the last one at the end."""
    clock = Clock()
    with MailServer() as server:
        hook = MailHook(_options(server.port, "error"), Allowance(burst=3, interval=60, clock=clock))
        for number in range(50):
            _report(hook, "error", f"line {number}")
        server.wait_for(3)
        _wait_until(lambda: hook._suppressed == 47)
        clock.now += 60
        _report(hook, "error", "a minute later", path="/x")
        server.wait_for(4)
        hook.close(10)

    assert ["line 0", "line 1", "line 2", "a minute later"] == [
        sent["Subject"].rpartition(": ")[2] for sent in server.mails
    ]
    assert "a minute later\n\npath: /x\n\n47 further lines were not mailed, see the log.\n" == _text(server.mails[3])
    assert [] == logged.entries


def test_a_storm_that_ends_is_summed_up() -> None:
    """What was suppressed is told even if nothing is logged any more."""
    with MailServer() as server:
        hook = MailHook(_options(server.port, "error"), Allowance(burst=1, interval=1))
        for number in range(5):
            _report(hook, "error", f"line {number}")
        first, summary, *_ = server.wait_for(2)
        hook.close(10)

    assert first["Subject"].endswith(": line 0")
    assert "[summary]" in summary["Subject"]
    assert "4 further lines were not mailed" in summary.get_content()


def test_nobody_waits_for_the_mail_server() -> None:
    """While the server doesn't answer, lines are queued or counted at once, and the memory for them is bounded."""
    hook = Stuck(_options(1, "error"), Allowance(burst=10_000))
    _report(hook, "error", "first")

    assert hook.sending.wait(10)
    for number in range(5000):
        _report(hook, "error", f"line {number}")

    assert 100 == len(hook._waiting)
    assert 4900 == hook._suppressed
    hook.answer.set()
    hook.close(10)


def test_a_server_that_is_down_is_logged_once(logged: LogCapture) -> None:
    """That mails can't be sent is one line, not one for each, and no mail about it; not the end of the sending."""
    tried = list[object]()

    class Counting(MailHook):
        def _deliver(self, mail: EmailMessage) -> None:
            tried.append(mail)
            super()._deliver(mail)

    hook = Counting(_options(free_port(), "error", "warning"))
    structlog.configure(processors=[hook, logged])
    for number in range(5):
        _report(hook, "error", f"line {number}")
    hook.close(10)

    (entry,) = logged.entries
    assert ("warning", "mails of the log can't be sent", "127.0.0.1") == (
        entry["log_level"],
        entry["event"],
        entry["server"],
    )
    assert 5 == len(tried)
    assert 0 == hook._suppressed


def test_it_goes_on_when_the_server_is_back(logged: LogCapture) -> None:
    """After a failure the next mail is tried again, and the next failure is logged anew."""
    server = MailServer()
    hook = MailHook(_options(server.port, "error"))
    _report(hook, "error", "down")
    _wait_until(lambda: len(logged.entries) == 1)
    with server:
        _report(hook, "error", "up")
        server.wait_for(1)
    _wait_until(lambda: not hook._failing)
    _report(hook, "error", "down again")
    hook.close(10)

    assert ["up"] == [sent["Subject"].rpartition(": ")[2] for sent in server.mails]
    assert 2 == len(logged.entries)


def test_a_refused_recipient_is_logged(logged: LogCapture) -> None:
    """The others get the mail, and the log says who didn't."""
    with MailServer(refuse="b@example.com") as server:
        hook = MailHook(_options(server.port, "error"))
        _report(hook, "error", "storage failed")
        hook.close(10)

    assert ["a@example.com"] == server.envelopes[0].rcpt_tos
    assert "b@example.com" in logged.entries[0]["error"]


def test_it_logs_in(logged: LogCapture) -> None:
    """With a username the server is logged in to; a wrong password is logged, without the password."""
    with MailServer(password="sesame") as server:
        for password in ("sesame", "wrong-one"):
            hook = MailHook(_options(server.port, "error", username="operator", password=password))
            _report(hook, "error", password)
            hook.close(10)

    assert (b"operator", b"sesame") == server.logins[0]
    assert ["sesame"] == [sent["Subject"].rpartition(": ")[2] for sent in server.mails]
    assert 1 == len(logged.entries)
    assert "wrong-one" not in str(logged.entries)
    assert "sesame" not in repr(_options(1, password="sesame"))


def test_a_password_is_not_sent_in_the_clear(logged: LogCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    """To another machine that offers no encryption, nothing is sent that anybody on the way could read."""
    # The loopback address stands for another machine, of which there is none.
    monkeypatch.setattr(mail, "_is_this_machine", lambda _: False)
    with MailServer(password="sesame") as server:
        hook = MailHook(_options(server.port, "error", username="operator", password="sesame"))
        _report(hook, "error", "x")
        hook.close(10)

    assert [] == server.logins
    assert "no encryption" in logged.entries[0]["error"]


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("10.0.0.1", False), ("mail.localhost.example", False)],
)
def test_this_machine(host: str, here: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Only loopback addresses and `localhost` are this machine."""
    assert here is mail._is_this_machine(host)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A mail server's encryption, and the file of the authority that vouches for it."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tls, str(tmp_path / "ca.pem")


def test_it_encrypts_where_it_can(authority: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that offers encryption is sent encrypted mails, if its certificate is good."""
    tls, trusted = authority
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with MailServer(tls=tls) as server:
        hook = MailHook(_options(server.port, "error"))
        _report(hook, "error", "x")
        hook.close(10)

    assert [True] == server.encrypted


@pytest.mark.parametrize("insecure", [True, False])
def test_a_bad_certificate_is_refused_unless_any_will_do(
    logged: LogCapture,
    authority: tuple[ssl.SSLContext, str],
    insecure: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """A server that nobody vouches for gets nothing; with `insecure` it does, encrypted still."""
    tls, _ = authority
    with MailServer(tls=tls) as server:
        hook = MailHook(_options(server.port, "error", insecure=insecure))
        _report(hook, "error", "x")
        hook.close(10)

    assert [True] * insecure == server.encrypted
    assert ["certificate verify failed" in entry["error"] for entry in logged.entries] == [True] * (not insecure)


def test_closing_ends_even_if_the_server_hangs() -> None:
    """A mail server that doesn't answer delays the end by the timeout, not more."""
    hook = Stuck(_options(1, "error"))
    _report(hook, "error", "x")

    assert hook.sending.wait(10)
    hook.close(0.1)

    assert not hook.answer.is_set()
    hook.answer.set()


def test_nothing_is_started_before_there_is_a_mail() -> None:
    """A hook that has nothing to send has no thread."""
    hook = MailHook(_options(1, "error"))
    _report(hook, "info", "x")

    assert None is hook._thread
    hook.close(1)


def test_the_allowance() -> None:
    """So many at once, then one after each interval; what wasn't used doesn't add up beyond the first number."""
    clock = Clock()
    allowance = Allowance(burst=2, interval=10, clock=clock)

    assert [True, True, False] == [allowance.take() for _ in range(3)]
    assert 10 == allowance.wait()
    clock.now += 10
    assert [True, False] == [allowance.take() for _ in range(2)]
    clock.now += 1000
    assert [True, True, False] == [allowance.take() for _ in range(3)]


def _wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what a thread does without telling; look often."""
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.005)
    pytest.fail("it didn't happen")
