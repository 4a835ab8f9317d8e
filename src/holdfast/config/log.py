"""The section `log`."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from holdfast.config.address import Address
from holdfast.config.scalars import Boolean, Word
from holdfast.config.section import Section, Variable, below

__all__ = ["SMTP", "AccessLogSection", "HookLevel", "LogFormatter", "LogHook", "LogLevel", "LogSection", "MailOptions"]

LogLevel: TypeAlias = Literal["error", "warn", "info", "debug"]
"""The least grave messages that are written."""

LogFormatter: TypeAlias = Literal["text", "json", "logstash"]
"""How a line is written."""

HookLevel: TypeAlias = Literal["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"]
"""The levels that a hook can wait for: those of upstream's log library."""


def _mail_server(value: str) -> str:
    try:
        address = Address.parse(value)
    except ValueError as error:
        raise PydanticCustomError("address", "{reason}", {"reason": str(error)}) from error
    if not address.host:
        raise PydanticCustomError("address", "needs the mail server's name, such as smtp.example.com:25")
    return value


class AccessLogSection(Section):
    """The log of requests."""

    disabled: Boolean = Field(default=False, description="Write no line for each request.")


class SMTP(Section):
    """The mail server of a hook."""

    addr: Annotated[str, AfterValidator(_mail_server)] | None = Field(
        default=None, description="The mail server, as `HOST:PORT`."
    )
    username: str | None = Field(default=None, description="The name to log in to the mail server with.")
    password: SecretStr | None = Field(default=None, description="The password to log in to the mail server with.")
    insecure: Boolean = Field(default=False, description="Don't verify the mail server's certificate.")


class MailOptions(Section):
    """What a hook of type `mail` sends, and where."""

    smtp: SMTP = below("The mail server.")
    from_: str | None = Field(default=None, alias="from", description="The sender's address.")
    to: tuple[str, ...] = Field(default=(), description="The addresses that get the mail.")


class LogHook(Section):
    """What happens when a line of some level is logged."""

    disabled: Boolean = Field(default=False, description="Switch the hook off.")
    type: str = Field(description="What it does: `mail` sends a mail.")
    levels: tuple[Annotated[HookLevel, Word], ...] = Field(
        default=(), description="The levels of the lines that it acts on."
    )
    options: Annotated[MailOptions, Variable("MAILOPTIONS")] = below("What the mail is made of.")

    @model_validator(mode="after")
    def _a_mail_needs_a_way(self) -> Self:
        options = self.options
        if self.type == "mail" and not self.disabled and not (options.smtp.addr and options.from_ and options.to):
            raise PydanticCustomError("mail", "a mail needs options.smtp.addr, options.from and options.to")
        return self


class LogSection(Section):
    """What is logged, to standard error."""

    accesslog: AccessLogSection = below("The log of requests.")
    level: Annotated[LogLevel, Word] = Field(
        default="info", description="The least grave messages that are logged; upper case is taken as well."
    )
    formatter: LogFormatter = Field(default="text", description="How a line is written.")
    fields: dict[str, Any] = Field(default_factory=dict, description="Fields that every line gets, by name.")
    hooks: tuple[LogHook, ...] = Field(default=(), description="What happens when a line of some level is logged.")
    reportcaller: Boolean = Field(default=False, description="Tell with each line where in the program it comes from.")
