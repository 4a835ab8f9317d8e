"""As whom: the keys of the parameters, or what the vendor's providers of credentials find.

https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-python-access-credentials
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog
from alibabacloud_oss_v2.credentials import EnvironmentVariableCredentialsProvider
from alibabacloud_oss_v2.types import Credentials, CredentialsProvider
from anyio import to_thread

from holdfast.storage.drivers.oss.errors import CREDENTIAL_ERRORS, storage_error
from holdfast.storage.errors import AccessDeniedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from holdfast.storage.drivers.oss.options import OSSOptions

__all__ = ["Identity"]

_FRESH_SECONDS: Final = 60
"""How long credentials that may expire are used before the provider, which renews them early, is asked again."""

_FAILED_SECONDS: Final = 5
"""How long a search that found nothing isn't begun again: it may wait for a machine's metadata that isn't there."""

_PROVIDERS: Final = "alibabacloud_credentials.provider"

_NOWHERE: Final = (
    "no credentials were found: give accesskeyid and accesskeysecret, or let the environment, an OIDC token, the files"
    " of the CLI or the metadata of the machine have some ({reasons})"
)

_log = structlog.get_logger(__name__)


class _Found(NamedTuple):
    """Credentials, and where they are from.

    Attributes:
        credentials: Id, secret, token and when they expire.
        source: Where they were found, in words.
        read: Reads them anew, blocking; `None` for those that never change.
    """

    credentials: Credentials
    source: str
    read: Callable[[], Credentials] | None = None

    @property
    def is_good(self) -> bool:
        """Whether they haven't expired, as far as is known."""
        return not self.credentials.is_expired()


class Identity(CredentialsProvider):  # type: ignore[misc]  # it has no types
    """As whom requests are signed. The SDK asks for that without waiting, so `refresh` comes before each request.

    Args:
        options: The driver's. Nothing is looked for before the first use.
    """

    def __init__(self, options: OSSOptions) -> None:
        self._role = options.ramrole
        self._found = _given(options)
        self._lock = asyncio.Lock()
        self._again_at = 0.0
        self._failure = ""

    def get_credentials(self) -> Credentials | None:
        """See `CredentialsProvider.get_credentials`: what `refresh` has found."""
        return None if self._found is None else self._found.credentials

    async def refresh(self) -> None:
        """Find credentials, or renew them where that is due.

        Raises:
            AccessDeniedError: There are none.
            StorageError: They can't be renewed, and the old ones have expired.
        """
        if self._is_fresh():
            return
        async with self._lock:
            if self._is_fresh():
                return
            if self._found is None:
                await self._find()
            elif self._found.read is not None:
                self._found = await self._renew(self._found, self._found.read)
            self._again_at = time.monotonic() + _FRESH_SECONDS

    async def describe(self) -> str:
        """Tell as whom, and how that was found; never a secret."""
        await self.refresh()
        if self._found is None:
            raise AccessDeniedError(self._failure)
        credentials, source, _ = self._found
        what = "temporary access key" if credentials.security_token else "access key"
        return f"{what} {credentials.access_key_id} from {source}"

    def _is_fresh(self) -> bool:
        if self._found is None:
            return False
        return self._found.read is None or (time.monotonic() < self._again_at and self._found.is_good)

    async def _find(self) -> None:
        if self._failure and time.monotonic() < self._again_at:
            raise AccessDeniedError(self._failure)
        try:
            self._found = await to_thread.run_sync(_find, self._role)
        except AccessDeniedError as error:
            self._failure = error.message
            self._again_at = time.monotonic() + _FAILED_SECONDS
            raise

    async def _renew(self, found: _Found, read: Callable[[], Credentials]) -> _Found:
        """Read them anew. A failure doesn't matter as long as the old ones are good."""
        try:
            return found._replace(credentials=await to_thread.run_sync(read))
        except CREDENTIAL_ERRORS as error:
            failure: StorageError = storage_error(error, "")
            if not found.is_good:
                raise failure from error
            _log.warning("credentials can't be renewed just now", source=found.source, error=str(failure))
            return found


def _given(options: OSSOptions) -> _Found | None:
    """What the parameters name."""
    if options.accesskeyid is None or options.accesskeysecret is None:
        return None
    secrets = (options.accesskeyid, options.accesskeysecret, options.securitytoken)
    return _Found(Credentials(*map(_open, secrets)), "the driver's parameters")


def _open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _find(role: str | None) -> _Found:
    """Ask one provider after another; blocking."""
    reasons = []
    for source, make in _sources(role):
        try:
            read = make()
            return _Found(read(), source, read)
        except CREDENTIAL_ERRORS as error:
            reasons.append(f"{source}: {storage_error(error, '').message}")
    raise AccessDeniedError(_NOWHERE.format(reasons="; ".join(reasons)))


def _sources(role: str | None) -> Iterator[tuple[str, Callable[[], Callable[[], Credentials]]]]:
    """Where credentials may be, in the order of the vendor's default chain, after the variables of OSS's own SDK.

    The chain itself isn't taken: it hides when credentials expire, and has a thread and a scheduler for the metadata.
    """
    vendor = importlib.import_module(_PROVIDERS)  # takes a while, and isn't needed by who has keys
    logging.getLogger("credentials").handlers.clear()  # they print to stderr, once for each of its modules

    def metadata() -> Callable[[], Credentials]:
        return _reading(vendor.EcsRamRoleCredentialsProvider(role_name=role, async_update_enabled=False))

    if role is not None:
        yield f"the metadata of the machine, role {role}", metadata
        return
    yield "the environment (OSS_ACCESS_KEY_ID)", lambda: EnvironmentVariableCredentialsProvider().get_credentials
    yield (
        "the environment (ALIBABA_CLOUD_ACCESS_KEY_ID)",
        lambda: _reading(vendor.EnvironmentVariableCredentialsProvider()),
    )
    if os.environ.get("ALIBABA_CLOUD_OIDC_TOKEN_FILE"):
        yield "an OIDC token", lambda: _reading(vendor.OIDCRoleArnCredentialsProvider())
    yield "the files of the CLI", lambda: _reading(vendor.CLIProfileCredentialsProvider())
    yield "the credentials file", lambda: _reading(vendor.ProfileCredentialsProvider())
    if os.environ.get("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "").lower() != "true":
        yield "the metadata of the machine", metadata
    if uri := os.environ.get("ALIBABA_CLOUD_CREDENTIALS_URI"):
        yield "ALIBABA_CLOUD_CREDENTIALS_URI", lambda: _reading(vendor.URLCredentialsProvider(uri=uri))


def _reading(provider: Any) -> Callable[[], Credentials]:
    """Reads a provider of the vendor's; it keeps what it has got, and renews that a quarter of an hour early."""

    def read() -> Credentials:
        got = provider.get_credentials()
        expires = got.get_expiration()
        return Credentials(
            got.get_access_key_id(),
            got.get_access_key_secret(),
            got.get_security_token(),
            datetime.fromtimestamp(expires, UTC) if expires else None,
        )

    return read
