"""Which requests of a store's client meet which fault."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

from .http1 import Head

__all__ = ["AZURE", "BEFORE", "GCS", "S3", "Dialect", "Fault", "FaultPlan", "Rule"]


class Fault(Enum):
    """What can happen to a request; those whose name ends in `AFTER` happen when it was executed."""

    RESET_BEFORE = "reset before the store sees anything"
    RESET_SENDING = "reset in the middle of the request: the store gets a part of it"
    RESET_AFTER = "executed, then reset: the answer is lost"
    RESET_WITHIN = "reset in the middle of the answer"
    TRUNCATED = "the answer ends in its middle, and the connection in good order"
    INTERNAL_ERROR = "not executed, answered with 500"
    INTERNAL_ERROR_AFTER = "executed, answered with 500"
    SLOW_DOWN = "not executed, answered with 503"
    SLOW_DOWN_RETRY_AFTER = "as SLOW_DOWN, and Retry-After says for how long"
    STALL = "not executed, and no answer"
    STALL_SENDING = "the store takes a part of the request, then neither takes more nor answers"
    STALL_AFTER = "executed, and no answer"
    STALL_WITHIN = "the answer stops in its middle, and the connection stays"
    TRICKLE = "the answer comes whole, in small pieces, and slowly"
    ERROR_IN_SUCCESS = "not executed; the status is 200, the document an error: S3's way with what takes long"


BEFORE = frozenset(
    {
        Fault.RESET_BEFORE,
        Fault.INTERNAL_ERROR,
        Fault.SLOW_DOWN,
        Fault.SLOW_DOWN_RETRY_AFTER,
        Fault.STALL,
        Fault.ERROR_IN_SUCCESS,
    }
)
"""Faults of requests that are never executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a kind of store words its errors.

    Attributes:
        media_type: Of the documents.
        internal_error: What comes with 500.
        slow_down: What comes with 503.
        fields: Further fields of both, with `{code}` for the error's.
        codes: The two errors' codes.
    """

    media_type: str
    internal_error: bytes
    slow_down: bytes
    header: str | None = None
    codes: tuple[str, str] = ("", "")


def _xml(code: str, message: str) -> bytes:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{declaration}\n<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def _json(code: int, reason: str) -> bytes:
    text = f'{{"error": {{"code": {code}, "message": "injected", "errors": [{{"reason": "{reason}"}}]}}}}'
    return text.encode()


S3 = Dialect(
    media_type="application/xml",
    internal_error=_xml("InternalError", "We encountered an internal error. Please try again."),
    slow_down=_xml("SlowDown", "Please reduce your request rate."),
)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

AZURE = Dialect(
    media_type="application/xml",
    internal_error=_xml("InternalError", "The server encountered an internal error. Please retry the request."),
    slow_down=_xml("ServerBusy", "The server is currently unable to receive requests. Please retry your request."),
    header="x-ms-error-code",
    codes=("InternalError", "ServerBusy"),
)
"""https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes"""

GCS = Dialect(
    media_type="application/json",
    internal_error=_json(500, "backendError"),
    slow_down=_json(503, "backendError"),
)
"""https://cloud.google.com/storage/docs/json_api/v1/status-codes"""


@dataclass(slots=True, kw_only=True)
class Rule:
    """Some requests, and what can happen to them.

    Attributes:
        faults: One of these happens.
        probability: How often.
        method: A shell-style pattern of the method.
        target: The same of the path and query, as they are in the request.
        header: A field that the request has, in lower case.
        times: How often at most; None for ever.
        after: How many matching requests are spared first.
        burst: How many matching requests in a row it happens to, each time.
    """

    faults: Sequence[Fault]
    probability: float = 1.0
    method: str = "*"
    target: str = "*"
    header: str | None = None
    times: int | None = None
    after: int = 0
    burst: int = 1
    _left: int = field(default=0, init=False)

    def matches(self, head: Head) -> bool:
        """Whether it is about this request."""
        named = self.header is None or self.header in head.fields
        return named and fnmatchcase(head.method, self.method) and fnmatchcase(head.target, self.target)

    def is_due(self, chance: random.Random) -> bool:
        """Whether it happens to the next request that it is about."""
        if self.after:
            self.after -= 1
            return False
        if not self._left:
            if self.times == 0 or chance.random() >= self.probability:
                return False
            self.times = None if self.times is None else self.times - 1
            self._left = self.burst
        self._left -= 1
        return True


@dataclass(slots=True, kw_only=True)
class FaultPlan:
    """Rules, asked in their order; the same seed and the same requests meet the same faults.

    Attributes:
        rules: The rules; none is no fault.
        seed: Of all that is random.
    """

    rules: Sequence[Rule] = ()
    seed: int = 0
    chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin the sequence."""
        self.chance = random.Random(self.seed)

    def choose(self, head: Head) -> Fault | None:
        """The fault that a request meets, which is then counted."""
        for rule in self.rules:
            if rule.matches(head) and rule.is_due(self.chance):
                return self.chance.choice(list(rule.faults))
        return None
