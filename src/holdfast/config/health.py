"""The section `health`: what is looked at by and by, and told at `/debug/health`."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from holdfast.config.address import Address, validate_address
from holdfast.config.scalars import URL, Boolean, HeaderFields, Integer
from holdfast.config.section import Section, Variable, below
from holdfast.duration import Duration

__all__ = ["FileCheck", "HTTPCheck", "HealthSection", "Interval", "StorageCheck", "TCPCheck", "Threshold"]

_EVERY = timedelta(seconds=10)
_OK = 200


def _status(value: Any) -> Any:
    """Zero is the default, as upstream has it."""
    return str(_OK) if value in {"0", 0} else value


Interval = Annotated[Duration, AfterValidator(lambda value: value or _EVERY)]
"""How long it is until the next look; zero is the default, as upstream has it."""

Threshold = Annotated[Integer, AfterValidator(lambda value: max(value, 1))]
"""How many failures in a row are a failure; upstream takes less than one for one."""


class StorageCheck(Section):
    """Whether the storage answers."""

    enabled: Boolean = Field(default=False, description="Whether the storage is looked at. An empty one is healthy.")
    interval: Interval = Field(default=_EVERY, description="How long it is until the next look.")
    threshold: Threshold = Field(default=1, description="How many failures in a row are a failure.")


class FileCheck(Section):
    """Whether a file isn't there: one that is takes the registry out of service."""

    file: str = Field(description="The file that must not be there.")
    interval: Interval = Field(default=_EVERY, description="How long it is until the next look.")
    threshold: Threshold = Field(default=1, description="Means nothing here, to upstream either.")


class HTTPCheck(Section):
    """Whether a URL answers."""

    uri: URL = Field(description="The URL that HEAD is asked of.")
    headers: HeaderFields = Field(
        default_factory=dict, description="Header fields of the request, each with a list of values."
    )
    statuscode: Annotated[Integer, BeforeValidator(_status)] = Field(
        default=_OK, description="The status it must have."
    )
    timeout: Duration = Field(default=timedelta(), description="How long an answer may take; 0 for 30 seconds.")
    interval: Interval = Field(default=_EVERY, description="How long it is until the next look.")
    threshold: Threshold = Field(default=1, description="How many failures in a row are a failure.")


class TCPCheck(Section):
    """Whether an address can be connected to."""

    addr: Annotated[Address, BeforeValidator(validate_address)] = Field(description="The address, as `HOST:PORT`.")
    timeout: Duration = Field(default=timedelta(), description="How long connecting may take; 0 for 30 seconds.")
    interval: Interval = Field(default=_EVERY, description="How long it is until the next look.")
    threshold: Threshold = Field(default=1, description="How many failures in a row are a failure.")


class HealthSection(Section):
    """What is looked at by and by."""

    storagedriver: StorageCheck = below("Whether the storage answers.")
    file: Annotated[tuple[FileCheck, ...], Variable("FILECHECKERS")] = Field(
        default=(), description="Files that must not be there."
    )
    http: Annotated[tuple[HTTPCheck, ...], Variable("HTTPCHECKERS")] = Field(
        default=(), description="URLs that must answer."
    )
    tcp: Annotated[tuple[TCPCheck, ...], Variable("TCPCHECKERS")] = Field(
        default=(), description="Addresses that must take connections."
    )
