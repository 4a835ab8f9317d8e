"""Drivers whose stores are real (but for OSS), and stand behind a proxy that injects faults."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from holdfast.storage import StorageDriver, create
from holdfast.storage.drivers.azure import _service
from holdfast.storage.drivers.gcs import _client as gcs_client
from holdfast.storage.drivers.oss import _transport
from holdfast.storage.drivers.s3 import _client, _fast
from tests.services.fault_proxy import FaultProxy
from tests.services.faults import AZURE, GCS, S3, Dialect, FaultPlan
from tests.services.stores.bucket import FreshBucket

__all__ = ["KINDS", "MIB", "Trouble"]

MIB = 1024 * 1024

_SILENCE = 0.4
"""Seconds of silence that the drivers take for a timeout, if a test doesn't say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of store.

    Attributes:
        dialect: How it words errors.
        endpoint: The option that names its endpoint.
        path: What the endpoint has after its address.
        options: Options that make parts and copies as small as they can be.
        patience: What makes the driver take a short silence for a timeout.
    """

    dialect: Dialect
    endpoint: str
    options: Mapping[str, Any]
    patience: Callable[[pytest.MonkeyPatch, float], None]


def _impatient_s3(patch: pytest.MonkeyPatch, seconds: float) -> None:
    patch.setattr(_client, "READ_SECONDS", seconds)
    patch.setattr(_fast, "READ_SECONDS", seconds)


def _impatient_azure(patch: pytest.MonkeyPatch, seconds: float) -> None:
    patch.setattr(_service, "_READ_SECONDS", seconds)


def _impatient_gcs(patch: pytest.MonkeyPatch, seconds: float) -> None:
    patch.setattr(gcs_client, "_TIMEOUT", httpx.Timeout(seconds))


def _impatient_oss(patch: pytest.MonkeyPatch, seconds: float) -> None:
    patch.setattr(_transport, "READ_SECONDS", seconds)


KINDS = {
    "ceph": Kind(
        dialect=S3,
        endpoint="regionendpoint",
        options={
            "chunksize": 5 * MIB,
            "multipartcopychunksize": 5 * MIB,
            "multipartcopythresholdsize": 5 * MIB,
            "profile": "ceph",
        },
        patience=_impatient_s3,
    ),
    "azurite": Kind(dialect=AZURE, endpoint="serviceurl", options={}, patience=_impatient_azure),
    "fake_gcs": Kind(dialect=GCS, endpoint="endpoint", options={}, patience=_impatient_gcs),
    "oss": Kind(
        dialect=S3,  # whose documents and codes these are, too
        endpoint="endpoint",
        options={"multipartcopychunksize": MIB, "multipartcopythresholdsize": 5 * MIB},
        patience=_impatient_oss,
    ),
}
"""By the names of their fixtures."""


class Trouble:
    """A fresh bucket, and ways to it that are troubled or not.

    Args:
        kind: The kind of its store.
        bucket: The bucket.
    """

    def __init__(self, kind: Kind, bucket: FreshBucket) -> None:
        self._kind = kind
        self.bucket = bucket

    @classmethod
    def make(
        cls, name: str, request: pytest.FixtureRequest, patch: pytest.MonkeyPatch, *, silence: float = _SILENCE
    ) -> "Trouble":
        """Makes a bucket on one of the stores, and its driver impatient."""
        KINDS[name].patience(patch, silence)
        return cls(KINDS[name], request.getfixturevalue(name).new_bucket())

    @asynccontextmanager
    async def proxy(self, plan: FaultPlan) -> AsyncIterator[FaultProxy]:
        """Serves a proxy before the store."""
        endpoint = self._parameters()[self._kind.endpoint]
        async with FaultProxy(
            endpoint, plan, dialect=self._kind.dialect, retry_after=0, stall=10, pause=0.005
        ) as running:
            yield running

    @asynccontextmanager
    async def driver(self, proxy: FaultProxy | None = None) -> AsyncIterator[StorageDriver]:
        """Opens a driver, behind the proxy or before the store itself."""
        parameters = self._parameters()
        if proxy is not None:
            url = httpx.URL(parameters[self._kind.endpoint])
            host, _, port = proxy.address.partition(":")
            parameters[self._kind.endpoint] = str(url.copy_with(host=host, port=int(port))).rstrip("/")
        made = create(self.bucket.driver, parameters)
        try:
            yield made
        finally:
            await made.aclose()

    def _parameters(self) -> dict[str, Any]:
        return self.bucket.parameters(**self._kind.options, rootdirectory="some/place")
