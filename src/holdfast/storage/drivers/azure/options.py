"""What the azure driver takes; the names and defaults are upstream's, but for those that upstream hasn't."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from holdfast.storage.drivers.azure._connection_string import parse_connection_string
from holdfast.storage.drivers.azure._duration import seconds
from holdfast.storage.options import DriverOptions

__all__ = ["AzureCredentials", "AzureOptions", "CredentialsType"]

_MIB = 1024 * 1024


def _drop_empty(parameters: Any) -> Any:
    """Upstream takes empty text, which is what a variable without a value has, for "not given"."""
    if not isinstance(parameters, dict):
        return parameters
    return {key: value for key, value in parameters.items() if value not in ("", None)}


def _credentials_type(value: Any) -> Any:
    """Upstream's page shows `type: default`."""
    return "default_credentials" if value == "default" else value


CredentialsType = Annotated[
    Literal["client_secret", "shared_key", "default_credentials"], BeforeValidator(_credentials_type)
]


# A name may be all digits, which YAML takes for a number.
_NUMBERS_ARE_TEXT = ConfigDict(coerce_numbers_to_str=True)


class AzureCredentials(DriverOptions):
    """The `credentials` of the `azure` driver."""

    model_config = _NUMBERS_ARE_TEXT

    type: CredentialsType = Field(
        description="Who we are: `client_secret` (an application with a secret), `shared_key` (the account's key)"
        " or `default_credentials` (what the environment offers: workload identity, managed identity, CLI)."
    )
    clientid: str | None = Field(
        default=None,
        description="The application's id. With `default_credentials`: which managed or workload identity to use.",
    )
    tenantid: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9.-]+$", description="The directory's id, or one of its domains."
    )
    secret: SecretStr | None = Field(default=None, description="The application's secret.")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, parameters: Any) -> Any:
        return _drop_empty(parameters)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.type == "client_secret":
            needed = {"clientid": self.clientid, "tenantid": self.tenantid, "secret": self.secret}
            if missing := [name for name, value in needed.items() if not value]:
                raise ValueError(f"type client_secret needs {', '.join(missing)} too")
        return self


class AzureOptions(DriverOptions):
    """Options of the `azure` driver; defaults as in Distribution's `storage-drivers/azure` page. Empty is not given."""

    model_config = _NUMBERS_ARE_TEXT

    accountname: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]{3,24}$",
        description="The storage account's name. Required, unless `connectionstring` says it.",
    )
    accountkey: SecretStr | None = Field(
        default=None,
        description="One of the account's two keys. Leave it out to use an identity instead: see `credentials`.",
    )
    connectionstring: SecretStr | None = Field(
        default=None,
        description="The account's connection string, in place of `accountname` and `accountkey`."
        " One with a shared access signature works, too, but makes no redirects.",
    )
    container: str = Field(
        min_length=1, description="The container that holds everything. It must exist: the driver doesn't make it."
    )
    credentials: AzureCredentials | None = Field(
        default=None,
        description="Which identity to use: `type`, `clientid`, `tenantid`, `secret`."
        " Without it, `accountkey` is used, or if there is none what the environment offers (`default_credentials`).",
    )
    realm: str = Field(
        default="core.windows.net",
        description="The domain of the service: `core.chinacloudapi.cn` in China, `core.usgovcloudapi.net` for the"
        " United States' government. Tokens are then asked for at that cloud's login service.",
    )
    serviceurl: str | None = Field(
        default=None,
        description="The URL of the blob service, by default `https://<accountname>.blob.<realm>`."
        " Set it for a private endpoint or an emulator.",
    )
    rootdirectory: str = Field(
        default="", description="What all blobs' names begin with, to share a container: `registry` or `a/b`."
    )
    max_retries: int = Field(
        default=5,
        ge=-1,
        description="How often the service is asked about a copy that it makes in the background, before the time that"
        " the copy's size deserves counts (4 MiB a second); 0 means the default. A copy that isn't done by then is"
        " aborted, and the operation fails. -1: it isn't waited for at all.",
    )
    retry_delay: str = Field(
        default="100ms",
        description="How long to wait before asking about a copy again, times the number of the question,"
        " at most times `max_retries`.",
    )
    skipverify: bool = Field(
        default=False,
        description="Take any TLS certificate of the blob service; whoever is on the way can then read and change"
        " everything. Tokens are never fetched that way.",
    )
    chunksize: int = Field(
        default=8 * _MIB,
        ge=64 * 1024,
        le=4000 * _MIB,
        description="Bytes of a block of a large file, each sent in one request from memory. A larger one means fewer"
        " requests and more memory; a blob has at most 50,000 blocks.",
    )
    buffermemory: int = Field(
        default=256 * _MIB,
        ge=_MIB,
        description="Bytes that all unsent blocks together may take in memory; who writes waits while none is left.",
    )
    redirectendpoint: str | None = Field(
        default=None,
        description="The URL of the blob service for clients that are redirected, where it differs from ours:"
        " ours may be a private endpoint.",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, parameters: Any) -> Any:
        return _drop_empty(parameters)

    @field_validator("accountkey")
    @classmethod
    def _base64(cls, value: SecretStr | None) -> SecretStr | None:
        try:
            base64.b64decode(value.get_secret_value() if value else "", validate=True)
        except binascii.Error as error:
            raise ValueError("isn't base64, as account keys are") from error
        return value

    @field_validator("connectionstring")
    @classmethod
    def _connection_string(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_connection_string(value.get_secret_value(), "")
        return value

    @field_validator("serviceurl", "redirectendpoint")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("must be a URL, such as https://myaccount.blob.core.windows.net")
        if parts.query or parts.fragment:
            raise ValueError("must be a URL without a query; a signature belongs into connectionstring")
        return None if value is None else value.rstrip("/")

    @field_validator("retry_delay")
    @classmethod
    def _duration(cls, value: str) -> str:
        seconds(value)
        return value

    @model_validator(mode="after")
    def _whole_credentials(self) -> Self:
        kind = self.credentials.type if self.credentials else None
        if self.connectionstring is not None:
            for name, value in {"accountkey": self.accountkey, "credentials": self.credentials}.items():
                if value is not None:
                    raise ValueError(f"connectionstring says who we are, so {name} must not be given")
            return self
        if self.accountname is None:
            raise ValueError("accountname is required, unless there is a connectionstring")
        if kind == "shared_key" and self.accountkey is None:
            raise ValueError("accountkey is required by credentials.type shared_key")
        by_key = self.accountkey is not None and kind in {None, "shared_key"}
        if not by_key and self.serviceurl is not None and not self.serviceurl.startswith("https:"):
            raise ValueError("serviceurl must be https, since tokens are sent there")
        return self

    @property
    def retry_delay_seconds(self) -> float:
        """`retry_delay` in seconds."""
        return seconds(self.retry_delay)
