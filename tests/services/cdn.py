"""A CDN: a web server on loopback that serves a storage's files to whoever has a URL that it takes."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1

__all__ = ["CDN", "Gate", "Origin", "RefusedError", "alibaba", "cloudfront", "unsigned"]

Origin: TypeAlias = Callable[[str], bytes | None]
"""Returns the content at a request's target as the gate has left it; `None` where there is none."""

Gate: TypeAlias = Callable[[str], str]
"""Returns what the origin is asked for, from a whole URL; `RefusedError` where it isn't taken."""


class RefusedError(Exception):
    """A URL isn't taken, and why."""


class CDN:
    """Serves from entering to leaving the context; each request in a thread.

    Attributes:
        gate: Which URLs it takes.
        origin: What it serves.
        served: The targets that were answered with content, in order.
        refused: The targets that the gate refused, with the reason.
    """

    def __init__(self, gate: Gate, origin: Origin) -> None:
        self.gate = gate
        self.origin = origin
        self.served: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
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
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Its URL, without a slash at its end."""
        return f"http://{self.address}"

    def answer(self, target: str) -> tuple[int, bytes]:
        """Returns status and content for a request's target."""
        try:
            wanted = self.gate(self.url + target)
        except RefusedError as error:
            self.refused.append((target, str(error)))
            return 403, b""
        content = self.origin(wanted)
        if content is None:
            return 404, b""
        self.served.append(target)
        return 200, content


def _handler(cdn: CDN) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer with the content."""
            status, content = cdn.answer(self.path)
            self._head(status, content)
            self.wfile.write(content)

        def do_HEAD(self) -> None:
            """Answer with the content's length."""
            self._head(*cdn.answer(self.path))

        def _head(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
            """Say nothing: the tests look at what was served."""

    return Handler


def unsigned(before: str = "") -> Gate:
    """Takes any URL whose path begins with `before`, which the origin doesn't see."""

    def gate(url: str) -> str:
        path = urlsplit(url).path
        if not path.startswith(f"{before}/") or urlsplit(url).query:
            raise RefusedError("another path, or a query")
        return path.removeprefix(before)

    return gate


def cloudfront(key: RSAPublicKey, key_pair_id: str) -> Gate:
    """Takes URLs with a signature of the canned policy, as the CloudFront developer guide has it."""

    def gate(url: str) -> str:
        resource, _, query = url.partition("?")
        fields = {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}
        if fields.keys() != {"Expires", "Signature", "Key-Pair-Id"} or fields["Key-Pair-Id"] != key_pair_id:
            raise RefusedError("the query isn't that of a canned policy")
        policy = {
            "Statement": [
                {"Resource": resource, "Condition": {"DateLessThan": {"AWS:EpochTime": int(fields["Expires"])}}}
            ]
        }
        signature = base64.b64decode(fields["Signature"].translate(str.maketrans("-_~", "+=/")), validate=True)
        try:
            key.verify(signature, json.dumps(policy, separators=(",", ":")).encode(), PKCS1v15(), SHA1())
        except InvalidSignature as error:
            raise RefusedError("the signature is wrong") from error
        if int(fields["Expires"]) < time.time():
            raise RefusedError("it is over")
        return urlsplit(url).path

    return gate


def alibaba(kind: str, key: str) -> Gate:
    """Takes URLs with a signature of Alibaba Cloud CDN, of type `a`, `b` or `c`."""

    def gate(url: str) -> str:
        parts = urlsplit(url)
        if kind == "a":
            path = parts.path
            when, nonce, user, mark = parts.query.removeprefix("auth_key=").split("-")
            expires, expected = int(when), f"{path}-{when}-{nonce}-{user}-{key}"
        elif kind == "b":
            when, mark, *rest = parts.path[1:].split("/")
            path = "/" + "/".join(rest)
            local = datetime.strptime(when, "%Y%m%d%H%M").replace(tzinfo=UTC) - timedelta(hours=8)
            expires, expected = int(local.timestamp()) + 60, f"{key}{when}{path}"
        else:
            mark, when, *rest = parts.path[1:].split("/")
            path = "/" + "/".join(rest)
            expires, expected = int(when, 16), f"{key}{path}{when}"
        if hashlib.md5(expected.encode()).hexdigest() != mark:
            raise RefusedError("the signature is wrong")
        if expires < time.time():
            raise RefusedError("it is over")
        return path

    return gate
