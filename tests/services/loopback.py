"""A small HTTP server on loopback, for services of which no real server runs here."""

import json
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Answer", "Instead", "Loopback", "Proceed", "Request", "failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked. The target is the path with its query; neither is unquoted. Header names are in lower case."""

    method: str
    path: str
    target: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered.

    Attributes:
        status: The status; 0 hangs up without an answer.
        body: Bytes, or what is sent as JSON.
        headers: Further headers.
        cut: How many bytes of the body aren't sent before the connection ends.
    """

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0


def failure(status: int, message: str = "", reason: str = "", **headers: str) -> Answer:
    """A failure, as the JSON API words it."""
    details = [{"message": message, "domain": "global", "reason": reason}]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body={"error": {"code": status, "message": message, "errors": details}}, headers=named)


Proceed = Callable[[Request], Answer]
Instead = Callable[[Request, Proceed], Answer]


def _proceed(request: Request, proceed: Proceed) -> Answer:
    return proceed(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Loopback:
    """Serves on a free port from entering to leaving the context; each request in a thread.

    Args:
        tls: Serves https with it.
        port: The port; 0 for any.
        remember: Whether it remembers what was asked: a server that lives long had better not.

    Attributes:
        requests: What was asked, in order.
        connections: How many connections there have been.
        planned: Answers that are given next, in the place of what the server would answer.
        instead: Asked for every other answer; it may proceed, by calling what answers otherwise.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, port: int = 0, remember: bool = True) -> None:
        self._remembers = remember
        self._scheme = "https" if tls else "http"
        self.requests: list[Request] = []
        self.connections = 0
        self.planned: deque[Answer] = deque()
        self.instead: Instead = _proceed
        self._server = _Server(("127.0.0.1", port), _handler(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to serve."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def remembers(self) -> bool:
        """Whether it remembers what was asked."""
        return self._remembers

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The URL, without a slash at its end."""
        return f"{self._scheme}://{self.address}"

    def asked(self, method: str, part: str = "") -> list[Request]:
        """The requests with a method of which the path has a part."""
        return [request for request in self.requests if request.method == method and part in request.path]

    def answer(self, request: Request) -> Answer:
        """What the server answers."""
        raise NotImplementedError


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            server.connections += 1

        def serve(self) -> None:
            parts = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=parts.path,
                target=self.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            )
            if server.remembers:
                server.requests.append(request)
            self.send(server.planned.popleft() if server.planned else server.instead(request, server.answer))

        def send(self, answer: Answer) -> None:
            if not answer.status:
                self.close_connection = True
                return
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            headers = {"Content-Length": str(len(body)), "Content-Type": "application/json", **answer.headers}
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) - answer.cut])
            self.close_connection = self.close_connection or bool(answer.cut)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
            del format, args

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.serve)
    return Handler
