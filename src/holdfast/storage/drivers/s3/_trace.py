"""Lines in the log for requests to the store: what `loglevel` asks for. Never content, a secret or a signature."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from holdfast.storage.drivers.s3.options import LogLevel

__all__ = ["Trace"]

_log = structlog.get_logger(__name__)

_STARTED: Final = "holdfast"
_DOCUMENT_BYTES: Final = 4096
_SIGNED: Final = re.compile(r"Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+)")


class Trace:
    """Logs requests as they are answered; the lines have level `info`, since somebody asked for them.

    Args:
        level: The `loglevel` of the driver; with `off` nothing is done at all.
    """

    def __init__(self, level: LogLevel) -> None:
        self.on = level != "off"
        self._signing = level == "debugwithsigning"
        self._documents = level == "debugwithhttpbody"
        self._errors = level == "debugwithrequesterrors"

    def attach(self, events: Any) -> None:
        """Watch what an SDK's client does."""
        if self.on:
            events.register_last("request-created.s3", self._created)
            events.register_last("response-received.s3", self._received)

    def fast(self, method: str, key: str, started: float, outcome: str) -> None:
        """Tell of a request that didn't go through the SDK's client.

        Args:
            method: `GET` or `HEAD`.
            key: The object.
            started: The monotonic time when it was sent.
            outcome: What came of it, in a word.
        """
        if self.on:
            _log.info("s3 request", method=method, key=key, outcome=outcome, ms=_milliseconds(started))

    def _created(self, request: Any, **_: Any) -> None:
        told = {"method": request.method, "url": request.url}
        if self._signing:
            signed = _SIGNED.search(str(request.headers.get("Authorization", "")))
            told |= signed.groupdict() if signed else {}
        request.context[_STARTED] = (time.monotonic(), told)

    def _received(self, context: dict[str, Any], parsed_response: Any, response_dict: Any, **others: Any) -> None:
        started, told = context.get(_STARTED, (time.monotonic(), {}))
        told = told | {"status": response_dict["status_code"] if response_dict else None}
        if self._documents and response_dict and isinstance(response_dict["body"], bytes):
            told |= {"document": response_dict["body"][:_DOCUMENT_BYTES].decode("utf-8", "replace")}
        if self._errors:
            error = (parsed_response or {}).get("Error") or {}
            failed = others.get("exception") or error.get("Code")
            told |= {"error": str(failed), "message": error.get("Message")} if failed else {}
        _log.info("s3 request", **told, ms=_milliseconds(started))


def _milliseconds(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
