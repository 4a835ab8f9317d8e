"""As whom requests are sent: versions 1, 2 and 3 of OpenStack's authentication, and the tokens that they give.

Version 1: https://docs.openstack.org/api-ref/object-store/#authentication
Version 2: https://docs.openstack.org/keystone/latest (removed there, and still spoken by others)
Version 3: https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import msgspec

from holdfast.storage.drivers.swift._once import Once
from holdfast.storage.drivers.swift.errors import translated
from holdfast.storage.errors import UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import httpx

    from holdfast.storage.drivers.swift.options import SwiftOptions

__all__ = ["Access", "Tokens", "authenticate"]

_SECONDS_BEFORE: Final = 300
"""How long before its end a token is renewed."""

_PAUSE_SECONDS: Final = 10
"""How long after a failure in the background the next attempt may start, while the token is still good."""

_OBJECT_STORE: Final = "object-store"


class Access(NamedTuple):
    """What authenticating gave.

    Attributes:
        token: Goes with each request.
        storage_url: The URL of the account, without a slash at its end.
        project: The project's id; empty where nobody tells.
        expires: When the token ends, in seconds since 1970; `None` where nobody tells.
        renew: When it is to be renewed.
    """

    token: str
    storage_url: str
    project: str = ""
    expires: float | None = None
    renew: float | None = None


class _Endpoint(msgspec.Struct, rename={"public": "publicURL", "internal": "internalURL", "admin": "adminURL"}):
    region: str | None = None
    public: str | None = None
    internal: str | None = None
    admin: str | None = None


class _Service(msgspec.Struct):
    type: str = ""
    endpoints: list[_Endpoint] = []


class _Tenant(msgspec.Struct):
    id: str = ""


class _Token2(msgspec.Struct):
    id: str
    expires: datetime | None = None
    tenant: _Tenant | None = None


class _Access2(msgspec.Struct, rename={"services": "serviceCatalog"}):
    token: _Token2
    services: list[_Service] = []


class _Answer2(msgspec.Struct):
    access: _Access2


class _Endpoint3(msgspec.Struct):
    url: str
    interface: str = ""
    region: str | None = None
    region_id: str | None = None


class _Service3(msgspec.Struct):
    type: str = ""
    endpoints: list[_Endpoint3] = []


class _Token3(msgspec.Struct):
    expires_at: datetime | None = None
    project: _Tenant | None = None
    catalog: list[_Service3] = []


class _Answer3(msgspec.Struct):
    token: _Token3


class Tokens:
    """The token to send requests with, renewed before it ends while the old one is still in use.

    Args:
        obtain: Authenticates.
    """

    def __init__(self, obtain: Callable[[], Awaitable[Access]]) -> None:
        self._obtain = obtain
        self._access: Access | None = None
        self._renewal = Once(self._renew, "holdfast-swift-token")
        self._not_before = 0.0

    async def access(self) -> Access:
        """Return a token that is good now.

        Raises:
            AccessDeniedError: We aren't let in.
        """
        access, now = self._access, time.time()
        if access is None or (access.expires is not None and access.expires <= now):
            return await self._renewed()
        if access.renew is not None and access.renew <= now and time.monotonic() >= self._not_before:
            self._not_before = time.monotonic() + _PAUSE_SECONDS
            self._renewal.forget()
            self._renewal.start()
        return access

    async def renew(self, rejected: Access) -> Access:
        """Return another token than one that was rejected."""
        if self._access is rejected or self._access is None:
            return await self._renewed()
        return self._access

    async def aclose(self) -> None:
        """Stop renewing."""
        await self._renewal.aclose()

    async def _renewed(self) -> Access:
        self._renewal.forget()
        return await self._renewal.result()

    async def _renew(self) -> Access:
        self._access = access = await self._obtain()
        return access


async def authenticate(options: SwiftOptions, send: Callable[..., Awaitable[httpx.Response]]) -> Access:
    """Ask for a token.

    Args:
        options: Say as whom, and where.
        send: Sends a request, and returns its answer, of which the body has been read; raises what isn't a success.

    Raises:
        AccessDeniedError: We aren't let in.
        UnexpectedStorageError: The answer has no object store for us.
    """
    if options.version == 1:
        access = await _version1(options, send)
    elif options.version == 2:
        access = await _version2(options, send)
    else:
        access = await _version3(options, send)
    return _with_renewal(access._replace(storage_url=access.storage_url.rstrip("/")))


def _with_renewal(access: Access) -> Access:
    if access.expires is None:
        return access
    now = time.time()
    return access._replace(renew=max(now + (access.expires - now) / 2, access.expires - _SECONDS_BEFORE))


async def _version1(options: SwiftOptions, send: Callable[..., Awaitable[httpx.Response]]) -> Access:
    headers = {"X-Auth-User": options.username or "", "X-Auth-Key": _password(options)}
    answer = (await send("GET", options.authurl, headers=headers)).headers
    token, url = answer.get("X-Auth-Token") or answer.get("X-Storage-Token"), answer.get("X-Storage-Url")
    if not token or not url:
        raise UnexpectedStorageError(f"authentication: {options.authurl} doesn't answer as version 1 does")
    if options.endpointtype == "internal":  # where the clouds that began this have it
        parts = urlsplit(url)
        url = urlunsplit(parts._replace(netloc=f"snet-{parts.netloc}"))
    seconds = answer.get("X-Auth-Token-Expires", "")
    return Access(token, url, expires=time.time() + int(seconds) if seconds.isdecimal() else None)


async def _version2(options: SwiftOptions, send: Callable[..., Awaitable[httpx.Response]]) -> Access:
    who: dict[str, Any] = {"passwordCredentials": {"username": options.username, "password": _password(options)}}
    if options.tenantid:
        who["tenantId"] = options.tenantid
    elif options.tenant:
        who["tenantName"] = options.tenant
    answer = await send("POST", _below(options.authurl, "tokens"), json={"auth": who})
    with translated():
        access = msgspec.json.decode(answer.content, type=_Answer2).access
    urls = [
        getattr(endpoint, options.endpointtype)
        for service in access.services
        if service.type == _OBJECT_STORE
        for endpoint in service.endpoints
        if options.region in {None, endpoint.region}
    ]
    project = access.token.tenant.id if access.token.tenant else ""
    return Access(access.token.id, _first(urls, options), project, _seconds(access.token.expires))


async def _version3(options: SwiftOptions, send: Callable[..., Awaitable[httpx.Response]]) -> Access:
    answer = await send("POST", _below(options.authurl, "auth/tokens"), json={"auth": _identity(options)})
    with translated():
        token = msgspec.json.decode(answer.content, type=_Answer3).token
    urls = [
        endpoint.url
        for service in token.catalog
        if service.type == _OBJECT_STORE
        for endpoint in service.endpoints
        if endpoint.interface == options.endpointtype and options.region in {None, endpoint.region, endpoint.region_id}
    ]
    subject = answer.headers.get("X-Subject-Token")
    if not subject:
        raise UnexpectedStorageError(f"authentication: {options.authurl} doesn't answer as version 3 does")
    project = token.project.id if token.project else ""
    return Access(subject, _first(urls, options), project, _seconds(token.expires_at))


def _identity(options: SwiftOptions) -> dict[str, Any]:
    """Who we are, and for which project."""
    user_domain = _domain(options.domain, options.domainid)
    if options.is_application:
        secret = options.applicationcredentialsecret
        named: dict[str, Any] = {"secret": secret.get_secret_value() if secret else ""}
        if options.applicationcredentialid:
            named["id"] = options.applicationcredentialid
        else:
            named["name"] = options.applicationcredentialname
            named["user"] = {"name": options.username, "domain": user_domain or {"name": "Default"}}
        return {"identity": {"methods": ["application_credential"], "application_credential": named}}
    user = {"name": options.username, "password": _password(options), "domain": user_domain or {"name": "Default"}}
    identity: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    if options.trustid:
        identity["scope"] = {"OS-TRUST:trust": {"id": options.trustid}}
    elif options.tenantid:
        identity["scope"] = {"project": {"id": options.tenantid}}
    elif options.tenant:
        domain = _domain(options.tenantdomain, options.tenantdomainid) or user_domain or {"name": "Default"}
        identity["scope"] = {"project": {"name": options.tenant, "domain": domain}}
    return identity


def _domain(name: str | None, identity: str | None) -> dict[str, str] | None:
    if name:
        return {"name": name}
    return {"id": identity} if identity else None


def _password(options: SwiftOptions) -> str:
    return options.password.get_secret_value() if options.password else ""


def _below(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{path}"


def _seconds(expires: datetime | None) -> float | None:
    if expires is None:
        return None
    return (expires if expires.tzinfo else expires.replace(tzinfo=UTC)).timestamp()


def _first(urls: Sequence[str | None], options: SwiftOptions) -> str:
    for url in urls:
        if url:
            return url
    where = f" in the region {options.region}" if options.region else ""
    hint = "" if options.tenant or options.tenantid or options.trustid else "; without 'tenant' a token may be of none"
    raise UnexpectedStorageError(
        f"authentication: the catalogue has no {options.endpointtype} URL of an object store{where}{hint}"
    )
