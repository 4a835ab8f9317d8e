"""One request and its answer, on a connection of its own: nothing stays open behind a driver that is watched."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Answer", "StoreError", "ask", "demand"]


class StoreError(Exception):
    """A store answered what was not expected; the message has the request and the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a store answered.

    Attributes:
        status: The status.
        headers: The headers, named in lower case.
        body: The body, whole.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    authority: Path | None = None,
    timeout: float = 30,
) -> Answer:
    """Sends a request and returns the answer, whatever its status.

    Args:
        method: The method.
        url: The whole URL, escaped.
        headers: The headers; nothing but the host and the length is added.
        body: The body.
        authority: What the certificate of an https URL was issued by.
        timeout: How many seconds the server may say nothing.

    Raises:
        OSError: Nobody answered.
    """
    parts = urlsplit(url)
    address, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=authority)
        connection = http.client.HTTPSConnection(address, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body=body or None, headers=dict(headers or {}))
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=named, body=response.read())
    except http.client.HTTPException as error:
        msg = f"{method} {url}: {error!r}"
        raise OSError(msg) from error
    finally:
        connection.close()


def demand(answer: Answer, request: str) -> Answer:
    """Returns the answer, if the store did what it was asked for.

    Raises:
        StoreError: It didn't.
    """
    if not 200 <= answer.status < 300:
        msg = f"{request}: {answer.status} {answer.body[:2000].decode(errors='replace')}"
        raise StoreError(msg)
    return answer
