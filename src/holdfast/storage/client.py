"""On whose behalf the storage is asked, for the few that want to know: a middleware that sends clients somewhere near.

Whoever serves clients says so around what it does for one:

    with asked_by(lambda: "192.0.2.7:41234"):
        url = await driver.redirect_url("/a")

The address is worked out only if somebody asks. It goes with the context, so into tasks and threads that are started
in it; what storage does of its own accord has no client.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CLIENT", "asked_by", "client_address"]

CLIENT: ContextVar[Callable[[], str] | None] = ContextVar("holdfast.storage.client", default=None)
"""Tells the client's address, with or without a port; `None` where there is no client."""


@contextmanager
def asked_by(tell: Callable[[], str]) -> Iterator[None]:
    """Say on whose behalf all within is done; `tell` returns `192.0.2.7:41234`, `[2001:db8::7]:41234` or no port."""
    token = CLIENT.set(tell)
    try:
        yield
    finally:
        CLIENT.reset(token)


def client_address() -> IPv4Address | IPv6Address | None:
    """Return the client's address; `None` without a client, or for one that has none, as on a unix socket.

    It may be what the client itself claims, so nothing that must be kept from others may depend on it.
    """
    tell = CLIENT.get()
    if tell is None:
        return None
    told = tell()
    host = told[1:].partition("]")[0] if told.startswith("[") else told
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
