"""Raw requests to a server: the hostile ones of the tests, cut, doubled and mixed with one another."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import TYPE_CHECKING

from tests.registry.http.hostile import bodies, documents, headers, paths, queries, uploads
from tests.registry.http.hostile.wire import exchange, request

if TYPE_CHECKING:
    from tests.registry.http.hostile.wire import Answer

__all__ = ["fuzz_wire"]

_ROWS = [row.sent for part in (paths, headers, bodies, documents, uploads, queries) for row in part.ROWS]
_MOST_BYTES = 20_000
_AT_ONCE = 8
_CORPUS = [sent for sent in _ROWS if 0 < len(sent) <= _MOST_BYTES]
_ODD = [
    b"\x00",
    b"\xff",
    b"\r\n",
    b"\r\n\r\n",
    b"%00",
    b"%2f",
    b"../",
    b"%",
    b"&",
    b"=",
    b"?",
    b":",
    b",",
    b" ",
    b"-",
    b"9" * 30,
]


async def fuzz_wire(port: int, seconds: float, seed: int) -> int:
    """Send for a while, and return how many requests were sent.

    Raises:
        AssertionError: An answer is an error of the server's, or an error that isn't of the spec's form.
    """
    generator = random.Random(seed)  # noqa: S311 - not a secret
    deadline = time.monotonic() + seconds
    sent = 0
    while time.monotonic() < deadline:
        batch = [_mutated(generator) for _ in range(_AT_ONCE)]
        # What is left incomplete would be waited for, hence no more is announced to come.
        answers = await asyncio.gather(*(exchange(port, data, leaves=True) for data in batch))
        for data, some in zip(batch, answers, strict=True):
            for answer in some:
                _check(answer, data)
        sent += len(batch)
    alive = await exchange(port, request("GET", "/v2/"))
    if [answer.status for answer in alive] != [200]:
        raise AssertionError("the server doesn't answer any more")
    return sent


def _mutated(generator: random.Random) -> bytes:
    data = bytearray(generator.choice(_CORPUS))
    for _ in range(generator.randint(1, 4)):
        at, length = generator.randrange(len(data) + 1), generator.randint(1, 20)
        match generator.randrange(5):
            case 0:
                del data[at : at + length]
            case 1:
                data[at:at] = generator.choice(_ODD)
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                other = generator.choice(_CORPUS)
                start = generator.randrange(len(other))
                data[at : at + length] = other[start : start + length]
            case _:
                data[at : at + 1] = generator.randbytes(1)
    return bytes(data)


def _check(answer: Answer, sent: bytes) -> None:
    if answer.status >= 500:
        raise AssertionError(f"{answer} to {sent!r}")
    if answer.status < 400 or "docker-distribution-api-version" not in answer.fields:
        return  # a success, or refused before it came to the registry
    if answer.fields.get("content-type") != "application/json":
        raise AssertionError(f"{answer} to {sent!r}")
    if answer.body and not {"code", "message"} <= json.loads(answer.body)["errors"][0].keys():
        raise AssertionError(f"{answer} to {sent!r}")
