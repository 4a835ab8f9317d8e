"""The faults that the proxy injects, as a client and a store see them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from tests.proxies.scripted import exchange, scripted
from tests.services.fault_proxy import FaultProxy
from tests.services.faults import AZURE, BEFORE, GCS, S3, Dialect, Fault, FaultPlan, Rule
from tests.services.http1 import Head

pytestmark = pytest.mark.anyio

_BODY = bytes(range(256)) * 40
_PUT = b"PUT /bucket/key?partNumber=1 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
_ANSWER = _HEAD + _BODY
_STALL = 0.2


def _always(*faults: Fault, **more: object) -> FaultPlan:
    return FaultPlan(rules=[Rule(faults=faults, **more)], seed=1)  # type: ignore[arg-type]


class _Meeting:
    """One request through a proxy that always injects one fault.

    Attributes:
        seen: What the store got of it.
        answer: What the client got; None where its connection was reset.
    """

    def __init__(self) -> None:
        self.seen = b""
        self.answer: bytes | None = None


async def _meet(fault: Fault, dialect: Dialect = S3) -> _Meeting:
    meeting = _Meeting()
    async with (
        scripted((_BODY[-100:], _ANSWER)) as store,
        FaultProxy(f"http://{store.address}", _always(fault), dialect=dialect, stall=_STALL) as proxy,
    ):
        try:
            meeting.answer = await exchange(proxy.address, _PUT.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        except ConnectionResetError:
            meeting.answer = None
        meeting.seen = bytes(store.received[0]) if store.received else b""

        assert Counter({fault: 1}) == proxy.injected
        assert 1 == proxy.requests
    return meeting


def _is_refusal(status: int) -> Callable[[bytes | None], bool]:
    def check(answer: bytes | None) -> bool:
        return answer is not None and answer.startswith(b"HTTP/1.1 %d " % status) and b"<Error>" in answer

    return check


def _is_beginning(answer: bytes | None) -> bool:
    return answer is not None and _ANSWER.startswith(answer) and len(_HEAD) <= len(answer) < len(_ANSWER)


def _is_reset(answer: bytes | None) -> bool:
    return answer is None


_SEEN_BY_THE_CLIENT: dict[Fault, Callable[[bytes | None], bool]] = {
    Fault.RESET_BEFORE: _is_reset,
    Fault.RESET_SENDING: _is_reset,
    Fault.RESET_AFTER: _is_reset,
    Fault.RESET_WITHIN: _is_reset,
    Fault.TRUNCATED: _is_beginning,
    Fault.INTERNAL_ERROR: _is_refusal(500),
    Fault.INTERNAL_ERROR_AFTER: _is_refusal(500),
    Fault.SLOW_DOWN: _is_refusal(503),
    Fault.SLOW_DOWN_RETRY_AFTER: _is_refusal(503),
    Fault.STALL: _is_reset,
    Fault.STALL_SENDING: _is_reset,
    Fault.STALL_AFTER: _is_reset,
    Fault.STALL_WITHIN: _is_reset,
    Fault.TRICKLE: lambda answer: answer == _ANSWER,
    Fault.ERROR_IN_SUCCESS: _is_refusal(200),
}


@pytest.mark.parametrize("fault", Fault)
async def test_fault(fault: Fault) -> None:
    """Each fault shows to the client as its name says, and the store gets all of the request, a part, or nothing."""
    meeting = await _meet(fault)
    whole = _PUT.replace(b"Host: x", b"Host: x\r\nConnection: close")

    assert _SEEN_BY_THE_CLIENT[fault](meeting.answer), meeting.answer
    if fault in BEFORE:
        assert b"" == meeting.seen
    elif fault in {Fault.RESET_SENDING, Fault.STALL_SENDING}:
        assert whole != meeting.seen
        assert whole.startswith(meeting.seen)
    else:
        assert whole == meeting.seen


@pytest.mark.parametrize(
    ("dialect", "words"),
    [(S3, b"<Code>SlowDown</Code>"), (AZURE, b"x-ms-error-code: ServerBusy"), (GCS, b'"code": 503')],
)
async def test_dialects(dialect: Dialect, words: bytes) -> None:
    """A store is busy in the words of its kind."""
    answer = (await _meet(Fault.SLOW_DOWN, dialect)).answer

    assert answer is not None
    assert words in answer


async def test_retry_after() -> None:
    """A store that asks to wait says for how long, and its document is one of S3."""
    answer = (await _meet(Fault.SLOW_DOWN_RETRY_AFTER)).answer or b""
    head, _, document = answer.partition(b"\r\n\r\n")

    assert b"Retry-After: 1" in head
    assert "SlowDown" == ET.fromstring(document).findtext("Code")


async def test_connection_goes_on_after_a_refusal() -> None:
    """A refused request's content is read, so that the next request of the connection is understood."""
    async with (
        scripted((_BODY[-100:], _ANSWER)) as store,
        FaultProxy(f"http://{store.address}", _always(Fault.INTERNAL_ERROR, times=1)) as proxy,
    ):
        answer = await exchange(proxy.address, _PUT + _PUT.replace(b"Host: x", b"Host: x\r\nConnection: close"))

        assert answer.startswith(b"HTTP/1.1 500")
        assert answer.endswith(_ANSWER)


async def test_content_that_was_not_asked_for() -> None:
    """A client that waits to be asked for its content is refused at once, and its connection ends."""
    head = b"PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    async with FaultProxy("http://127.0.0.1:1", _always(Fault.SLOW_DOWN)) as proxy:
        answer = await exchange(proxy.address, head)

        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Connection: close" in answer


async def test_impatient_client_ends_a_stall() -> None:
    """A stall is over as soon as the client gives up, so that nothing waits for it."""
    async with FaultProxy("http://127.0.0.1:1", _always(Fault.STALL), stall=3600) as proxy:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await exchange(proxy.address, _PUT)

        async with asyncio.timeout(5):
            await proxy.idle()

        assert 1 == proxy.injected[Fault.STALL]


def _chosen(plan: FaultPlan, *requests: bytes) -> list[Fault | None]:
    return [plan.choose(Head(request + b" HTTP/1.1\r\n\r\n")) for request in requests]


def test_plan_is_repeatable() -> None:
    """The same seed makes the same faults of the same requests, another seed others."""

    def draw(seed: int) -> list[Fault | None]:
        plan = FaultPlan(rules=[Rule(faults=list(Fault), probability=0.5)], seed=seed)
        return _chosen(plan, *[b"GET /a"] * 100)

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert 20 < draw(1).count(None) < 80


def test_rules_choose_requests() -> None:
    """A rule is about some methods and targets, spares the first ones, and is over after its times."""
    rule = Rule(faults=[Fault.STALL], method="PUT", target="*partNumber=*", after=1, times=1)
    plan = FaultPlan(rules=[rule])

    assert [None, None] == _chosen(plan, b"GET /a?partNumber=1", b"PUT /a")
    assert [None, Fault.STALL, None] == _chosen(plan, *[b"PUT /a?partNumber=1"] * 3)


def test_bursts() -> None:
    """A burst happens to so many requests in a row, and to none of those that the rule isn't about."""
    plan = FaultPlan(rules=[Rule(faults=[Fault.STALL], method="PUT", burst=2, times=1)])

    assert [Fault.STALL, None, Fault.STALL, None] == _chosen(plan, b"PUT /a", b"GET /a", b"PUT /a", b"PUT /a")


async def test_calm() -> None:
    """After the faults nothing is changed any more."""
    async with (
        scripted((_BODY[-100:], _ANSWER)) as store,
        FaultProxy(f"http://{store.address}", _always(Fault.RESET_BEFORE)) as proxy,
    ):
        proxy.calm()

        assert _ANSWER == await exchange(proxy.address, _PUT, size=len(_ANSWER))
        assert not proxy.injected
