"""The section `proxy`: the registry as a cache in front of another one."""

from datetime import timedelta

from pydantic import Field, SecretStr

from holdfast.config.scalars import URL
from holdfast.config.section import Section
from holdfast.duration import Duration

__all__ = ["ExecSection", "ProxySection"]


class ExecSection(Section):
    """A program that knows the password."""

    command: str = Field(description="The program, a credential helper of Docker's kind.")
    lifetime: Duration | None = Field(
        default=None, description="How long its answer is used; 0 asks each time, nothing asks once."
    )


class ProxySection(Section):
    """The registry as a cache in front of another one."""

    remoteurl: URL | None = Field(default=None, description="The other registry; switches this on.")
    username: str | None = Field(default=None, description="The name to log in there with.")
    password: SecretStr | None = Field(default=None, description="The password to log in there with.")
    exec: ExecSection | None = Field(default=None, description="A program that knows the password, instead.")
    ttl: Duration = Field(default=timedelta(hours=168), description="How long content is kept; 0 for ever.")
    cachewritetimeout: Duration = Field(
        default=timedelta(minutes=5), description="How long writing a blob into the storage may take."
    )
