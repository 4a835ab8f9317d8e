"""As whom requests are sent: what is asked for, and what is made of the answers."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from holdfast.storage.drivers.swift import SwiftOptions
from holdfast.storage.drivers.swift._auth import Access, Tokens, authenticate
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from holdfast.storage.errors import AccessDeniedError, UnexpectedStorageError
from tests.services.stores.keystone import KeystoneService
from tests.services.stores.swift_container import SwiftService
from tests.storage.drivers.swift.version2 import Version2

pytestmark = pytest.mark.anyio

OpenBucket = Callable[..., SwiftBucket]


class _Server:
    """Answers one question, and keeps it."""

    def __init__(self, *, headers: dict[str, str] | None = None, body: Any = None) -> None:
        self._answer = httpx.Response(200, headers=headers, content=json.dumps(body))
        self.asked: list[tuple[str, str, Any]] = []

    async def __call__(self, method: str, url: str, **request: Any) -> httpx.Response:
        self.asked.append((method, url, request.get("json", request.get("headers"))))
        return self._answer


def _options(**parameters: Any) -> SwiftOptions:
    given = {"authurl": "https://id.example.com/v3", "username": "u", "password": "p", "container": "c", **parameters}
    return SwiftOptions.model_validate({name: value for name, value in given.items() if value is not None})


def _catalog(*endpoints: tuple[str, str, str]) -> Any:
    listed = [{"interface": interface, "region": region, "url": url} for interface, region, url in endpoints]
    services = [{"type": "image", "endpoints": []}, {"type": "object-store", "endpoints": listed}]
    return {"token": {"expires_at": "2999-01-01T00:00:00.000000Z", "project": {"id": "pid"}, "catalog": services}}


_ANSWER3 = _catalog(
    ("internal", "one", "https://internal.example.com/v1/AUTH_a"),
    ("public", "one", "https://one.example.com/v1/AUTH_a/"),
    ("public", "two", "https://two.example.com/v1/AUTH_a"),
)
_DEFAULT = {"name": "Default"}
_USER3 = {"methods": ["password"], "password": {"user": {"name": "u", "password": "p", "domain": _DEFAULT}}}


@pytest.mark.parametrize(
    ("parameters", "url"),
    [
        ({}, "https://one.example.com/v1/AUTH_a"),
        ({"region": "two"}, "https://two.example.com/v1/AUTH_a"),
        ({"endpointtype": "internal"}, "https://internal.example.com/v1/AUTH_a"),
    ],
)
async def test_version3_takes_the_url_of_the_catalogue(parameters: dict[str, Any], url: str) -> None:
    """By region and kind; the first that fits."""
    access = await authenticate(
        _options(tenant="t", **parameters), _Server(headers={"X-Subject-Token": "token"}, body=_ANSWER3)
    )

    assert ("token", url, "pid") == access[:3]
    assert access.expires is not None
    assert access.expires > time.time() + 10**9


@pytest.mark.parametrize("parameters", [{"region": "three"}, {"endpointtype": "admin"}])
async def test_version3_without_an_object_store(parameters: dict[str, Any]) -> None:
    """What is lacking is named."""
    with pytest.raises(UnexpectedStorageError, match=r"catalogue has no (public|admin) URL"):
        await authenticate(_options(**parameters), _Server(headers={"X-Subject-Token": "token"}, body=_ANSWER3))


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ({}, {"identity": _USER3}),
        (
            {"tenant": "t"},
            {"identity": _USER3, "scope": {"project": {"name": "t", "domain": _DEFAULT}}},
        ),
        ({"tenantid": "tid", "tenant": "t"}, {"identity": _USER3, "scope": {"project": {"id": "tid"}}}),
        ({"trustid": "trust", "tenant": "t"}, {"identity": _USER3, "scope": {"OS-TRUST:trust": {"id": "trust"}}}),
        (
            {"tenant": "t", "domain": "d"},
            {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": "u", "password": "p", "domain": {"name": "d"}}},
                },
                "scope": {"project": {"name": "t", "domain": {"name": "d"}}},
            },
        ),
        (
            {"tenant": "t", "domainid": "did", "tenantdomainid": "tdid"},
            {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": "u", "password": "p", "domain": {"id": "did"}}},
                },
                "scope": {"project": {"name": "t", "domain": {"id": "tdid"}}},
            },
        ),
        (
            {"applicationcredentialid": "id", "applicationcredentialsecret": "s", "username": None, "password": None},
            {
                "identity": {
                    "methods": ["application_credential"],
                    "application_credential": {"id": "id", "secret": "s"},
                }
            },
        ),
        (
            {"applicationcredentialname": "name", "applicationcredentialsecret": "s", "password": None},
            {
                "identity": {
                    "methods": ["application_credential"],
                    "application_credential": {
                        "name": "name",
                        "secret": "s",
                        "user": {"name": "u", "domain": _DEFAULT},
                    },
                }
            },
        ),
    ],
)
async def test_version3_asks(parameters: dict[str, Any], asked: dict[str, Any]) -> None:
    """As the identity API has it, with domains as upstream fills them in."""
    server = _Server(headers={"X-Subject-Token": "token"}, body=_ANSWER3)
    await authenticate(_options(**parameters), server)

    assert [("POST", "https://id.example.com/v3/auth/tokens", {"auth": asked})] == server.asked


async def test_version1() -> None:
    """Headers there and back; the internal URL is the public one with another name."""
    headers = {"X-Storage-Url": "https://s.example.com/v1/AUTH_a", "X-Auth-Token": "t", "X-Auth-Token-Expires": "600"}
    server = _Server(headers=headers)
    access = await authenticate(_options(authurl="https://s.example.com/auth/v1.0"), server)
    internal = await authenticate(_options(authurl="https://s.example.com/auth/v1.0", endpointtype="internal"), server)

    assert ("GET", "https://s.example.com/auth/v1.0", {"X-Auth-User": "u", "X-Auth-Key": "p"}) == server.asked[0]
    assert ("t", "https://s.example.com/v1/AUTH_a") == access[:2]
    assert access.expires is not None
    assert abs(access.expires - time.time() - 600) < 5
    assert "https://snet-s.example.com/v1/AUTH_a" == internal.storage_url


async def test_version2_on_a_real_store(version2: Version2, swift: SwiftService, open_bucket: OpenBucket) -> None:
    """A token of the fake opens the store of the region that was named."""
    bucket = open_bucket(swift.new_bucket(), authurl=version2.url, tenant="test", region="here")
    await bucket.put("files/a", b"content")

    assert b"content" == await bucket.get("files/a")
    assert "test" == version2.asked[0]["auth"]["tenantName"]
    assert "version 2" in await bucket.identify()


@pytest.mark.parametrize("by", ["id", "name"])
async def test_application_credential(
    by: str, swift_keystone: SwiftService, keystone: KeystoneService, open_bucket: OpenBucket
) -> None:
    """A real one opens a real store, and no password is needed."""
    made = keystone.application_credential(f"registry-{by}")
    container = swift_keystone.new_bucket()
    parameters = {
        "password": None,
        "tenant": None,
        "applicationcredentialsecret": made["secret"],
        **({"applicationcredentialid": made["id"]} if by == "id" else {"applicationcredentialname": f"registry-{by}"}),
    }
    bucket = open_bucket(container, **parameters)
    await bucket.put("files/a", b"content")

    assert b"content" == await bucket.get("files/a")
    assert "application credential" in await bucket.identify()


async def test_wrong_password_at_keystone(swift_keystone: SwiftService, open_bucket: OpenBucket) -> None:
    """It is told as such, by whom."""
    with pytest.raises(AccessDeniedError, match="authentication: HTTP 401"):
        await open_bucket(swift_keystone.new_bucket(), password="wrong").get("files/a")


async def test_a_rejected_token_is_renewed_once(swift: SwiftService, open_bucket: OpenBucket) -> None:
    """The request goes through with the new one; many that are rejected at once renew it once."""
    bucket = open_bucket(swift.new_bucket())
    await bucket.put("files/a", b"content")
    obtained = 0
    obtain = bucket._client._authenticate

    async def counted() -> Access:
        nonlocal obtained
        obtained += 1
        return await obtain()

    tokens = bucket._client.tokens
    tokens._obtain = counted
    tokens._access = (await tokens.access())._replace(token="AUTH_tk0123")

    assert [b"content"] * 10 == list(await asyncio.gather(*(bucket.get("files/a") for _ in range(10))))
    assert 1 == obtained


async def test_renewed_before_it_ends() -> None:
    """While the old one is good it is used, and the next is fetched meanwhile; one that has ended is waited for."""
    now = time.time()
    given = [
        Access("first", "url", expires=now + 100, renew=now - 1),
        Access("second", "url", expires=now - 1, renew=now - 2),
        Access("third", "url"),
    ]
    fetched = asyncio.Event()

    async def obtain() -> Access:
        access = given.pop(0)
        if access.token == "second":
            fetched.set()
        return access

    tokens = Tokens(obtain)
    assert ["first", "first"] == [(await tokens.access()).token for _ in range(2)]
    await fetched.wait()
    await tokens._renewal.result()
    assert ["third", "third"] == [(await tokens.access()).token for _ in range(2)]
    await tokens.aclose()


async def test_a_failed_renewal_is_tried_again() -> None:
    """As long as the old token is good, nobody notices; an error is told to who needs a token."""
    now = time.time()
    given: list[Access | AccessDeniedError] = [
        AccessDeniedError("no"),
        Access("first", "url", expires=now + 100, renew=now - 1),
        AccessDeniedError("no"),
    ]

    async def obtain() -> Access:
        access = given.pop(0)
        if isinstance(access, AccessDeniedError):
            raise access
        return access

    tokens = Tokens(obtain)
    with pytest.raises(AccessDeniedError):
        await tokens.access()
    assert ["first", "first"] == [(await tokens.access()).token for _ in range(2)]
    with pytest.raises(AccessDeniedError):
        await tokens._renewal.result()
    assert "first" == (await tokens.access()).token
    await tokens.aclose()
