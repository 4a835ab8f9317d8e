"""The section `auth`: who may do what. One kind of it at most."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from holdfast.config.scalars import Boolean
from holdfast.config.section import Section

__all__ = [
    "AuthField",
    "AuthSection",
    "HtpasswdSection",
    "NoneSection",
    "SigningAlgorithm",
    "SillySection",
    "TokenSection",
]

SigningAlgorithm: TypeAlias = Literal[
    "EdDSA", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"
]
"""What a token can be signed with."""


class NoneSection(Section):
    """Everybody may do everything."""


class SillySection(Section):
    """For development: any `Authorization` will do."""

    realm: str = Field(description="The realm of the challenge.")
    service: str = Field(description="The service of the challenge.")


class HtpasswdSection(Section):
    """Names and passwords in a file."""

    realm: str = Field(description="The realm of the challenge.")
    path: str = Field(description="The file of names and bcrypt hashes, as `htpasswd -B` writes it.")


class TokenSection(Section):
    """Tokens of a token server."""

    realm: str = Field(description="The URL of the token server.")
    service: str = Field(description="What the registry is called in tokens.")
    issuer: str = Field(description="Who must have issued a token.")
    rootcertbundle: str | None = Field(default=None, description="A PEM file with certificates of the keys that sign.")
    jwks: str | None = Field(default=None, description="A file with the keys that sign, as a JSON Web Key Set.")
    signingalgorithms: tuple[SigningAlgorithm, ...] = Field(
        default=(), description="What a token may be signed with; empty for all that are known."
    )
    autoredirect: Boolean = Field(
        default=False, description="Whether the token server is at the host that the client used."
    )
    autoredirectpath: str = Field(default="/auth/token/", description="Its path there.")

    @model_validator(mode="after")
    def _needs_keys(self) -> Self:
        if self.rootcertbundle is None and self.jwks is None:
            raise PydanticCustomError("keys", "needs rootcertbundle or jwks")
        return self


class AuthSection(Section):
    """Who may do what; everybody everything, where nothing is said."""

    none: NoneSection | None = Field(default=None, description="Everybody may do everything.")
    silly: SillySection | None = Field(default=None, description="For development: any `Authorization` will do.")
    htpasswd: HtpasswdSection | None = Field(default=None, description="Names and passwords in a file.")
    token: TokenSection | None = Field(default=None, description="Tokens of a token server.")

    @property
    def kind(self) -> Literal["none", "silly", "htpasswd", "token"]:
        """Which of them it is."""
        if self.silly is not None:
            return "silly"
        if self.htpasswd is not None:
            return "htpasswd"
        return "none" if self.token is None else "token"


def _from_file(value: Any) -> Any:
    """A name alone is legal, and one without parameters is there all the same; `none` may be in upper case."""
    if isinstance(value, str):
        value = {value: None}
    if not isinstance(value, dict):
        return value
    if len(value) > 1:
        found = f"names {len(value)} kinds ({', '.join(value)})"
        raise PydanticCustomError("auth", "{found}; it can have one", {"found": found})
    return {name.lower() if name.lower() == "none" else name: item or {} for name, item in value.items()}


AuthField = Annotated[AuthSection, BeforeValidator(_from_file)]
"""The section as the file has it."""
