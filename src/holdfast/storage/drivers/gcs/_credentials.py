"""As whom requests are sent: how credentials are found, and their tokens, renewed before they expire.

google-auth finds credentials and renews tokens by blocking requests of its own, so each such piece of work is done in a
thread, and at most one at a time: tasks that come meanwhile wait for its result.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import google.auth
from anyio import to_thread
from google.auth import environment_vars
from google.auth.credentials import TokenState, with_scopes_if_required
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from holdfast.storage.drivers.gcs.errors import exception_error
from holdfast.storage.errors import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.auth.credentials import Credentials

    from holdfast.storage.drivers.gcs.options import GCSOptions

__all__ = ["Found", "Tokens", "find", "headers_of"]

# Keys are bound to what the driver does. What is found around us has rights that IAM limits, and signing URLs without a
# key takes more than the scope of storage.
_STORAGE_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.full_control"
_PLATFORM_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"

_PAUSE_SECONDS: Final = 10
"""How long after a failure in the background the next attempt may start, while the token is still good."""


class Found(NamedTuple):
    """Credentials, and how they were found.

    Attributes:
        credentials: Google's.
        source: In words that follow "found by".
    """

    credentials: Credentials
    source: str

    @property
    def email(self) -> str | None:
        """The service account's; for the metadata server's only known once there was a token."""
        email = getattr(self.credentials, "service_account_email", None)
        return email if email and "@" in email else None

    @property
    def identity(self) -> str:
        """Who we are and how that was found, in one line."""
        who = f"service account {self.email}" if self.email else _kind(self.credentials)
        return f"{who}, found by {self.source}"


def find(options: GCSOptions, request: Request) -> Found:
    """Find credentials; blocking.

    Args:
        options: Say where they are.
        request: Sends requests, to find out whether there is a metadata server.

    Raises:
        AccessDeniedError: The key is malformed, or can't be read.
        GoogleAuthError: There are none.
    """
    if options.credentials is not None:
        content = options.credentials.get_secret_value()
        return Found(_key(content, "the parameter credentials"), "the parameter credentials")
    if options.keyfile is not None:
        source = f"the key file {options.keyfile}"
        try:
            content = Path(options.keyfile).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise AccessDeniedError(f"credentials: {source} can't be read: {error}") from error
        return Found(_key(content, source), source)
    # Told the scopes, it would ask yet another service for the project's name, which may be out of reach.
    credentials, _ = google.auth.default(request=request)
    scoped: Any = with_scopes_if_required  # google-auth is typed in part
    return Found(scoped(credentials, [_PLATFORM_SCOPE]), _default_source(credentials))


class Tokens:
    """The token to send requests with.

    One that expires within minutes is still used while the next one is fetched, so that no request waits for that.

    Args:
        options: Say where the credentials are; they are looked for at the first use.
    """

    def __init__(self, options: GCSOptions) -> None:
        self._options = options
        self._found: Found | None = None
        self._headers: Mapping[str, str] = {}
        self._renewal: asyncio.Task[None] | None = None
        self._not_before = 0.0
        """When the loop's clock allows the next attempt in the background."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of a request, with a token that is good now.

        Raises:
            AccessDeniedError: There are no credentials, or they aren't accepted.
            StorageUnavailableError: Whoever makes tokens can't be reached.
        """
        state = self._found.credentials.token_state if self._found else TokenState.INVALID
        if state is TokenState.INVALID:
            await self._renewed()
        elif state is TokenState.STALE and asyncio.get_running_loop().time() >= self._not_before:
            self._start()
        return self._headers

    async def renew(self, rejected: Mapping[str, str]) -> Mapping[str, str]:
        """Return other headers than those with a token that was rejected."""
        if self._headers is rejected:
            await self._renewed()
        return self._headers

    async def found(self) -> Found:
        """Return the credentials, with a token that is good now."""
        await self.headers()
        if self._found is None:
            raise RuntimeError("a token without credentials")
        return self._found

    async def aclose(self) -> None:
        """Stop renewing."""
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            renewal.cancel()
            await asyncio.wait({renewal})

    async def _renewed(self) -> None:
        # Shielded: the task that happens to start it may be cancelled, those that wait with it want the token still.
        await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[None]:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(), name="holdfast-gcs-token")
            self._renewal.add_done_callback(self._settle)
        return self._renewal

    def _settle(self, renewal: asyncio.Task[None]) -> None:
        """Take note of a failure, which otherwise nobody may ask for when it was in the background."""
        if not renewal.cancelled() and renewal.exception() is not None:
            self._not_before = asyncio.get_running_loop().time() + _PAUSE_SECONDS

    async def _renew(self) -> None:
        try:
            self._found = await to_thread.run_sync(_renew, self._found, self._options, abandon_on_cancel=True)
        except GoogleAuthError as error:
            failure = exception_error(error)
            raise type(failure)(f"credentials: {failure.message}") from error
        self._headers = headers_of(self._found.credentials)


def _renew(found: Found | None, options: GCSOptions) -> Found:
    request = Request()
    try:
        found = found or find(options, request)
        credentials: Any = found.credentials  # google-auth is typed in part
        credentials.refresh(request)
    finally:
        request.session.close()
    return found


def headers_of(credentials: Credentials) -> Mapping[str, str]:
    """The headers of a request with these credentials; they name the project that pays, where it is another one."""
    headers = {"Authorization": f"Bearer {credentials.token}"}
    if project := getattr(credentials, "quota_project_id", None):
        headers["X-Goog-User-Project"] = project
    return headers


def _key(content: str, source: str) -> Credentials:
    """Make credentials of a key file's content."""
    try:
        info = json.loads(content)
    except ValueError as error:
        raise AccessDeniedError(f"credentials: {source} isn't JSON") from error
    if not isinstance(info, dict) or info.get("type", "service_account") != "service_account":
        raise AccessDeniedError(
            f"credentials: {source} isn't a service account's key;"
            f" if it is of another kind, name it in {environment_vars.CREDENTIALS}"
        )
    kind: Any = service_account.Credentials
    try:
        made: Credentials = kind.from_service_account_info(info, scopes=[_STORAGE_SCOPE])
    except ValueError as error:  # without what it says: it may quote the key
        raise AccessDeniedError(f"credentials: {source} isn't a whole service account's key") from error
    return made


def _default_source(credentials: Credentials) -> str:
    if path := os.environ.get(environment_vars.CREDENTIALS):
        return f"the file {path} of {environment_vars.CREDENTIALS}"
    if type(credentials).__module__.startswith("google.auth.compute_engine"):
        return "the metadata server"
    return "gcloud's application default credentials"


def _kind(credentials: Credentials) -> str:
    """What else there is than service accounts."""
    module = type(credentials).__module__.removeprefix("google.")
    kinds = {
        "auth.aws": "workload identity federation (AWS)",
        "auth.identity_pool": "workload identity federation",
        "auth.pluggable": "workload identity federation (executable)",
        "auth.external_account_authorized_user": "workforce identity federation",
        "oauth2.credentials": "a user's own credentials",
    }
    return kinds.get(module, module)
