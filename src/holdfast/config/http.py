"""The section `http`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from holdfast.config.address import Address, validate_address
from holdfast.config.scalars import URL, Boolean, HeaderFields
from holdfast.config.section import NotInFile, Section, below
from holdfast.config.tls import TLSSection
from holdfast.duration import Duration

__all__ = ["DebugSection", "H2CSection", "HTTP2Section", "HTTPSection", "PrometheusSection"]

_PREFIX_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/")


def _prefix(value: str) -> str:
    """Begins with `/`, ends without one; upstream's form ends with one, and means the same. The root is empty."""
    path = value.rstrip("/")
    if (
        not value.startswith("/")
        or value.startswith("//")
        or not set(path) <= _PREFIX_CHARACTERS
        or {".", "..", ""} & set(path.split("/")[1:])
    ):
        raise PydanticCustomError("prefix", "needs a path that begins and ends with a slash, such as /registry/")
    return path


def _root(value: str) -> str:
    parts = urlsplit(value)
    if parts.query or parts.fragment or "@" in parts.netloc or (parts.path and not parts.path.endswith("/")):
        raise PydanticCustomError("host", "needs a URL with nothing behind the host and port, or a path that ends in /")
    return value.rstrip("/")


def _metrics_path(value: str) -> str:
    if not value.startswith("/") or not set(value) <= _PREFIX_CHARACTERS:
        raise PydanticCustomError("path", "needs a path that begins with a slash, such as /metrics")
    return value


class PrometheusSection(Section):
    """Metrics for Prometheus."""

    enabled: Boolean = Field(default=False, description="Whether metrics are served, at `http.debug.addr`.")
    path: Annotated[str, AfterValidator(_metrics_path)] = Field(default="/metrics", description="Where they are.")


class DebugSection(Section):
    """A second server, for operators."""

    addr: Annotated[Address, BeforeValidator(validate_address)] | None = Field(
        default=None,
        description="Where the server for operators listens, as `HOST:PORT`; without it, there is none.",
    )
    prometheus: PrometheusSection = below("Metrics for Prometheus.")


class HTTP2Section(Section):
    """HTTP/2 over TLS."""

    disabled: Boolean = Field(default=False, description="Whether HTTP/2 isn't offered to clients that use TLS.")


class H2CSection(Section):
    """HTTP/2 without TLS."""

    enabled: Boolean = Field(default=False, description="Whether HTTP/2 is spoken without TLS, too.")


class HTTPSection(Section):
    """Where and how the registry listens."""

    addr: Annotated[Address, BeforeValidator(validate_address)] = Field(
        default=Address(host="127.0.0.1", port=5000),
        description=(
            "The address to listen on, as `HOST:PORT`; `:5000` is port 5000 on every address of the machine, port 0"
            " is one that the system picks. With `net: unix`, the path of the socket."
        ),
    )
    unix: Annotated[Path | None, NotInFile()] = Field(
        default=None, description="The socket to listen on instead of `addr`; `None` with `net: tcp`."
    )
    net: Literal["tcp", "unix"] = Field(default="tcp", description="What is listened on.")
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        default="", description="What stands before `/v2/` in every path, such as `/registry/`."
    )
    host: Annotated[URL, AfterValidator(_root)] | None = Field(
        default=None,
        description="What clients call the registry, as a URL; without it, each request tells.",
    )
    secret: SecretStr | None = Field(
        default=None,
        description=(
            "What signs the state of uploads that clients carry. Without one, the registry makes one and keeps it in"
            " its storage, where all replicas on that storage find it."
        ),
    )
    relativeurls: Boolean = Field(
        default=False, description="Whether answers name paths rather than whole URLs in `Location`."
    )
    draintimeout: Duration = Field(
        default=timedelta(seconds=30),
        description=(
            "How long requests that are running at SIGTERM may take to finish, as a duration: `30s`, `1m30s`; `0`"
            " cuts them off at once, as upstream does by default. Unfinished uploads can be resumed after a restart"
            " either way."
        ),
    )
    tls: TLSSection = below("How connections are encrypted.")
    headers: HeaderFields = Field(
        default_factory=dict, description="Header fields that every answer gets, each with a list of values."
    )
    debug: DebugSection = below("A second server, for operators.")
    http2: HTTP2Section = below("HTTP/2 over TLS.")
    h2c: H2CSection = below("HTTP/2 without TLS.")

    @model_validator(mode="before")
    @classmethod
    def _an_address_of_a_socket_is_a_path(cls, value: Any) -> Any:
        """Upstream's `addr` is a path where `net` is `unix`; here each kind of address has a field of its own."""
        if not isinstance(value, dict):
            return value
        if "unix" in value:
            raise PydanticCustomError("unix", "unix is no key; write net: unix, and the socket's path as addr")
        if value.get("net") != "unix" or not isinstance(value.get("addr"), str):
            return value
        path = value["addr"]
        if not path.startswith("/"):
            raise PydanticCustomError("unix", "addr needs to be the absolute path of a socket with net: unix")
        return {key: item for key, item in value.items() if key != "addr"} | {"unix": path}

    @model_validator(mode="after")
    def _a_socket_needs_a_path(self) -> Self:
        if self.net == "unix" and self.unix is None:
            raise PydanticCustomError("unix", "net: unix needs the path of a socket as addr")
        return self

    @property
    def header_pairs(self) -> tuple[tuple[str, str], ...]:
        """Each header field with one of its values, in the order of the file."""
        return tuple((name, item) for name, items in self.headers.items() for item in items)
