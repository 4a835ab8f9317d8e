"""URLs that somebody else may read a blob with: clients that are redirected, and the service itself when it copies."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from azure.storage.blob import BlobSasPermissions, generate_blob_sas

from holdfast.storage.drivers.azure._answers import read_delegation_key

if TYPE_CHECKING:
    from azure.storage.blob import UserDelegationKey

    from holdfast.storage.drivers.azure._service import Service

__all__ = ["Signer"]

_GOOD_FOR: Final = timedelta(minutes=20)
_COPY_GOOD_FOR: Final = timedelta(hours=24)

_KEY_GOOD_FOR: Final = timedelta(hours=48)
_KEY_SPARE: Final = timedelta(minutes=30)
"""A new key is asked for so long before the old one ends: a URL can't outlive its key."""

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_SKEW: Final = timedelta(minutes=15)
"""How much later than ours the service's clock may be."""


class Signer:
    """Makes URLs with a shared access signature: by the account's key, or by a key that the service gives our identity.

    The latter (a user delegation key) is kept for two days, so signing costs no request but for the first.

    Args:
        service: The container.
        endpoint: The blob service's URL for clients, where it isn't ours.
    """

    def __init__(self, service: Service, endpoint: str | None) -> None:
        self._service = service
        self._endpoint = endpoint
        self._key: UserDelegationKey | None = None
        self._key_ends = datetime.min.replace(tzinfo=UTC)
        self._lock = asyncio.Lock()

    async def sign(self, key: str) -> str:
        """A URL for clients, good for reading a blob by GET or HEAD, for 20 minutes."""
        return f"{self._service.url(key, base=self._endpoint)}?{await self._signature(key, _GOOD_FOR)}"

    async def source(self, key: str) -> str:
        """A URL that the service itself can read a blob with, for as long as a copy may take."""
        url = self._service.url(key)
        if self._service.access.signature is not None:
            return f"{url}?{self._service.access.signature}"
        if self._service.access.key is None:
            return url  # a header says who we are
        return f"{url}?{await self._signature(key, _COPY_GOOD_FOR)}"

    async def _signature(self, key: str, good_for: timedelta) -> str:
        access = self._service.access
        given = None if access.key is not None else await self._delegation_key()
        endpoint = self._endpoint or access.service_url
        return generate_blob_sas(
            access.account,
            self._service.container,
            key,
            account_key=access.key,
            user_delegation_key=given,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + good_for,
            protocol="https" if endpoint.startswith("https:") else "https,http",
        )

    async def _delegation_key(self) -> UserDelegationKey:
        async with self._lock:
            now = datetime.now(UTC)
            if self._key is None or self._key_ends - now < _KEY_SPARE:
                ends = now + _KEY_GOOD_FOR
                self._key = await self._ask_for_key(now - _SKEW, ends)
                self._key_ends = ends
            return self._key

    async def _ask_for_key(self, starts: datetime, ends: datetime) -> UserDelegationKey:
        """Have a key (https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key)."""
        body = f"<KeyInfo><Start>{starts:{_TIME}}</Start><Expiry>{ends:{_TIME}}</Expiry></KeyInfo>".encode()
        query = {"restype": "service", "comp": "userdelegationkey"}
        answer = await self._service.send("POST", None, query=query, body=body)
        return read_delegation_key(answer.content)
