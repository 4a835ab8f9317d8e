"""The address to listen on, as Go writes it: `:5000`, `127.0.0.1:5000`, `[::1]:5000`, `localhost:5000`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

__all__ = ["Address", "validate_address"]

_HOSTNAME = re.compile(r"(?=.{1,253}\Z)(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?\Z").match
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen.

    Attributes:
        host: A name or an address, IPv6 without brackets; empty for every address of the machine.
        port: The port; 0 for one that the system picks.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse `HOST:PORT`; the host may be left out, and an IPv6 address stands in brackets.

        Raises:
            ValueError: It isn't of that form, or the port isn't a number from 0 to 65535.
        """
        host, colon, port = text.rpartition(":")
        if not colon:
            raise ValueError(f"{text!r} lacks a port; write for instance {text or '127.0.0.1'}:5000")
        if not (port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
            raise ValueError(f"{text!r} needs a port from 0 to {_MAX_PORT} after the last colon")
        return cls(host=_host(host, text), port=int(port))

    def __str__(self) -> str:
        """`host:port`, as `parse` reads it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        """Whether it means every address of the machine."""
        address = self._ip()
        return not self.host or (address is not None and address.is_unspecified)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; a host name other than `localhost` counts as reachable by others."""
        address = self._ip()
        return self.host.lower().rstrip(".") == "localhost" or (address is not None and address.is_loopback)

    @property
    def from_here(self) -> Address:
        """The address that a client on this machine uses: the loopback one for a wildcard."""
        if not self.is_wildcard:
            return self
        return Address(host="::1" if ":" in self.host else "127.0.0.1", port=self.port)

    def _ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:  # a name
            return None


def validate_address(value: Any) -> Any:
    """For pydantic: turn text into an `Address`; anything else is passed on.

    Raises:
        PydanticCustomError: The text isn't an address.
    """
    if not isinstance(value, str):
        return value
    try:
        return Address.parse(value)
    except ValueError as error:
        raise PydanticCustomError("address", "{reason}", {"reason": str(error)}) from error


def _host(host: str, text: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError as error:
            raise ValueError(f"{text!r}: {host[1:-1]!r} in brackets isn't an IPv6 address") from error
    if ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, for instance [::1]:5000")
    if host and _HOSTNAME(host) is None:
        raise ValueError(f"{text!r}: {host!r} is neither a host name nor an address")
    return host
