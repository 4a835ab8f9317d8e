"""What the swift driver takes; the names are those of Distribution 2, unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from holdfast.storage.drivers._objectstore.options import as_text
from holdfast.storage.options import DriverOptions

__all__ = ["SwiftOptions"]

_MIB = 1024 * 1024


def _as_list(value: Any) -> Any:
    """Methods as one text, as a variable of the environment has them, with commas or spaces between them."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _in_capitals(methods: Sequence[str]) -> list[str]:
    return [method.upper() for method in methods]


def _as_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise PydanticCustomError("authurl", "must be a URL, such as https://keystone.example.com/v3")
    return url


Name = Annotated[str | None, BeforeValidator(as_text)]


class SwiftOptions(DriverOptions):
    """Options of the `swift` driver; defaults as in Distribution 2.8's `storage-drivers/swift` page."""

    authurl: Annotated[str, AfterValidator(_as_url)] = Field(
        description="The URL where tokens come from, such as https://keystone.example.com/v3."
    )
    username: Name = Field(
        default=None, description="The user's name. Required, unless there is an application credential."
    )
    password: SecretStr | None = Field(
        default=None, description="The user's password. Required, unless there is an application credential."
    )
    region: Name = Field(
        default=None, description="The region whose object store is used; the first one in the catalogue if not given."
    )
    container: str = Field(
        min_length=1, max_length=256, pattern="^[^/]+$", description="The container; it is made if it isn't there."
    )
    tenant: Name = Field(default=None, description="The project (once called tenant), by name; of versions 2 and 3.")
    tenantid: Name = Field(default=None, description="The project, by id.")
    domain: Name = Field(default=None, description="The user's domain, by name; of version 3.")
    domainid: Name = Field(default=None, description="The user's domain, by id.")
    tenantdomain: Name = Field(
        default=None, description="The project's domain, by name, if it isn't the user's; of version 3."
    )
    tenantdomainid: Name = Field(default=None, description="The project's domain, by id.")
    trustid: Name = Field(default=None, description="The trust under which the user acts; of version 3.")
    insecureskipverify: bool = Field(
        default=False, description="Trust whatever certificate a server has. For trying things out."
    )
    chunksize: int = Field(
        default=20 * _MIB,
        ge=_MIB,
        description="The size of a segment of a large object, in bytes; larger objects have larger ones by themselves.",
    )
    prefix: str = Field(
        default="", description="What the names of all objects begin with; empty for the container's root."
    )
    secretkey: SecretStr | None = Field(
        default=None,
        description=(
            "The key that URLs for redirects are signed with. It is stored at the container or account, if another one"
            " is there; without it the one that is there is used, or a random one is stored."
        ),
    )
    accesskey: str | None = Field(
        default=None,
        min_length=1,
        description="An access key that HP's cloud wants in the signatures of URLs; others don't know it.",
    )
    authversion: int = Field(
        default=0,
        ge=0,
        le=3,
        description="The version of the authentication; 0 to tell by `authurl`, which then has v1, v2 or v3 in it.",
    )
    endpointtype: Literal["public", "internal", "admin"] = Field(
        default="public", description="Which of the object store's URLs is used: public, internal or admin."
    )
    tempurlcontainerkey: bool = Field(
        default=False,
        description=(
            "Whether the key for signed URLs is the container's, not the account's. Used only where the cluster"
            " doesn't tell what it can do (its `/info` is closed)."
        ),
    )
    tempurlmethods: Annotated[list[str], BeforeValidator(_as_list), AfterValidator(_in_capitals)] = Field(
        default=[],
        description=(
            "The methods that URLs may be signed for, such as GET and HEAD. Used only where the cluster doesn't tell"
            " what it can do."
        ),
    )
    applicationcredentialid: Name = Field(
        default=None, description="An application credential, by id, in place of a user. Of our own, not upstream's."
    )
    applicationcredentialname: Name = Field(
        default=None,
        description="An application credential, by name, of the user `username`. Of our own, not upstream's.",
    )
    applicationcredentialsecret: SecretStr | None = Field(
        default=None, description="The secret of the application credential. Of our own, not upstream's."
    )
    maxthreads: int = Field(
        default=100,
        ge=1,
        description="How many operations may run at once; the others wait. Of our own, not upstream's.",
    )
    buffermemory: int = Field(
        default=256 * _MIB,
        ge=1,
        description=(
            "How many bytes all unfinished writes together may hold in memory; a writer waits when there are no more."
            " Of our own, not upstream's."
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, values: Any) -> Any:
        """Pass over parameters that are empty, as upstream does: its example configurations have them."""
        if not isinstance(values, Mapping):
            return values
        return {key: value for key, value in values.items() if value != "" or key in {"authurl", "container"}}

    @model_validator(mode="after")
    def _whole(self) -> SwiftOptions:
        """Check what belongs together."""
        if self.version is None:
            raise PydanticCustomError(
                "authversion", "'authversion' is required, since 'authurl' has neither v1, v2 nor v3 in it"
            )
        if self.is_application:
            self._check_application()
        elif not self.username or self.password is None:
            missing = "password" if self.username else "username"
            raise PydanticCustomError("user", "'{missing}' is required", {"missing": missing})
        elif self.version == 1 and self.endpointtype == "admin":
            raise PydanticCustomError("endpointtype", "'endpointtype': version 1 of authentication knows no admin URL")
        return self

    def _check_application(self) -> None:
        if self.version != 3:
            raise PydanticCustomError("application", "an application credential needs version 3 of authentication")
        if self.applicationcredentialsecret is None:
            raise PydanticCustomError("application", "'applicationcredentialsecret' is required")
        if not (self.applicationcredentialid or (self.applicationcredentialname and self.username)):
            raise PydanticCustomError(
                "application", "an application credential is named by its id, or by its name and 'username'"
            )

    @property
    def is_application(self) -> bool:
        """Whether an application credential is used."""
        return bool(self.applicationcredentialid or self.applicationcredentialname or self.applicationcredentialsecret)

    @property
    def version(self) -> int | None:
        """The version of authentication: as given, or as the URL tells; `None` where it doesn't."""
        if self.authversion:
            return self.authversion
        return next((number for number in (3, 2, 1) if f"v{number}" in self.authurl), None)

    @property
    def root(self) -> str:
        """What the keys of all files begin with, without a slash at its ends, as upstream joins it."""
        return f"{self.prefix}/files".lstrip("/")

    @property
    def segments(self) -> str:
        """What the names of all segments begin with, ending in a slash, as upstream joins it."""
        return f"{self.prefix}/segments/".lstrip("/")
