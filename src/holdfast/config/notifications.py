"""The section `notifications`: who is told of pushes, pulls and deletes."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.config.scalars import URL, Boolean, HeaderFields, Integer
from holdfast.config.section import Section, Variable, below
from holdfast.duration import Duration

__all__ = ["Endpoint", "EventsSection", "IgnoreSection", "NotificationsSection", "Wait"]


_SECOND = timedelta(seconds=1)
_MANY = 10

Wait = Annotated[Duration, AfterValidator(lambda value: value or _SECOND)]
"""A duration of which zero is the default, as upstream has it."""


class EventsSection(Section):
    """What is told."""

    includereferences: Boolean = Field(default=False, description="Tell what a manifest refers to, too.")


class IgnoreSection(Section):
    """What an endpoint isn't told."""

    mediatypes: tuple[str, ...] = Field(default=(), description="Media types that it isn't told of.")
    actions: tuple[str, ...] = Field(default=(), description="Actions that it isn't told of.")


class Endpoint(Section):
    """Who is told."""

    name: str | None = Field(default=None, description="What the log and the metrics call it.")
    disabled: Boolean = Field(default=False, description="Leave it out.")
    url: URL = Field(description="Where events are posted to.")
    headers: HeaderFields = Field(
        default_factory=dict, description="Header fields of each request, each with a list of values."
    )
    timeout: Wait = Field(default=_SECOND, description="How long an answer may take.")
    threshold: Annotated[Integer, AfterValidator(lambda value: value if value > 0 else _MANY)] = Field(
        default=_MANY, description="How many failures in a row make it wait."
    )
    backoff: Wait = Field(default=_SECOND, description="How long it waits then.")
    ignoredmediatypes: tuple[str, ...] = Field(default=(), description="As `ignore.mediatypes`.")
    ignore: IgnoreSection = below("What it isn't told.")


class NotificationsSection(Section):
    """Who is told of pushes, pulls and deletes."""

    events: Annotated[EventsSection, Variable("EVENTCONFIG")] = below("What is told.")
    endpoints: tuple[Endpoint, ...] = Field(default=(), description="Who is told.")
