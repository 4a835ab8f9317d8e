"""The SDK: one session with one chain of credentials, and one client, made at first use."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.loaders import create_loader

from holdfast import __version__
from holdfast.storage.drivers._objectstore.content import Content
from holdfast.storage.drivers._objectstore.patience import patience
from holdfast.storage.drivers._tasks import whole
from holdfast.storage.drivers.s3._deleting import attach_digest
from holdfast.storage.drivers.s3._http import SingleAttempts, attach_sending
from holdfast.storage.drivers.s3._listing import attach_listing
from holdfast.storage.drivers.s3._trace import Trace
from holdfast.storage.drivers.s3.errors import CODES, SDK_ERRORS, code_of, missing_bucket, no_credentials, storage_error
from holdfast.storage.errors import AccessDeniedError, PathNotFoundError, StorageUnavailableError

if TYPE_CHECKING:
    from holdfast.storage.drivers.s3._profiles import Profile
    from holdfast.storage.drivers.s3.options import S3Options

__all__ = ["CONNECT_SECONDS", "READ_SECONDS", "Client", "ca_bundle", "user_agent"]

CONNECT_SECONDS: Final = 10
"""How long a connection may take to be made."""

READ_SECONDS: Final = 60
"""How long the store may be silent, and take nothing of what is sent."""

_CONNECTIONS: Final = 512
"""More than are ever wanted: whoever waits for one of the pool's waits without a limit of time."""

_PROVEN_SECONDS: Final = 10
"""How long an answer from the bucket proves that it is there: a missing object is told without asking again."""

_LASTING: Final = frozenset(
    {"complete_multipart_upload", "copy_object", "delete_object", "delete_objects", "put_object"}
)
"""What the store goes on with when its connection is closed: a late one would undo what was done since."""

_LOADER: Final = create_loader()
"""Keeps what it has read of the SDK's descriptions of services, megabytes of JSON, for the clients of all drivers."""

# Where systems keep the authorities that they trust; Python's OpenSSL names one of them, or none.
_SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Client:
    """Calls of S3's operations on one bucket, with our errors.

    Args:
        options: The driver's.
        profile: What the store can do.
    """

    def __init__(self, options: S3Options, profile: Profile) -> None:
        self.bucket = options.bucket
        self.options = options
        self.trace = Trace(options.loglevel)
        self._profile = profile
        self.session = AioSession()
        self.session.register_component("data_loader", _LOADER)
        if options.accesskey is not None and options.secretkey is not None:
            token = options.sessiontoken.get_secret_value() if options.sessiontoken else None
            self.session.set_credentials(
                options.accesskey.get_secret_value(), options.secretkey.get_secret_value(), token
            )
        self._lock = asyncio.Lock()
        self._open = AsyncExitStack()
        self._client: Any = None
        self._closed = False
        self._proven_until = 0.0

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation on the bucket, named as the SDK's method is, and return what the SDK does.

        Raises:
            PathNotFoundError: What the request is about isn't there, and the bucket is.
        """
        try:
            answer = await self._call(operation, **parameters)
        except PathNotFoundError as error:
            if code_of(error.__cause__) in CODES:  # a word of its own: the bucket was looked into
                self.prove_bucket()
            await self.check_bucket()
            raise
        self.prove_bucket()
        return answer

    def prove_bucket(self) -> None:
        """Note that the bucket is there: something was just answered from it."""
        self._proven_until = time.monotonic() + _PROVEN_SECONDS

    async def check_bucket(self) -> None:
        """Make sure that the bucket is there, unless it was a moment ago.

        Raises:
            UnexpectedStorageError: It isn't.
        """
        if time.monotonic() < self._proven_until:
            return
        try:
            await self._call("head_bucket")
        except PathNotFoundError as error:
            raise missing_bucket(self.bucket) from error
        except AccessDeniedError:  # who may read objects needn't be allowed to ask for the bucket
            return
        self.prove_bucket()

    async def connected(self) -> Any:
        """The SDK's client, made by the first who asks."""
        if self._client is None:
            async with self._lock:
                if self._client is None:
                    self._client = await self._connect()
        return self._client

    async def credentials(self) -> Any:
        """The SDK's credentials, which refresh themselves where they expire.

        Raises:
            AccessDeniedError: There are none.
        """
        try:
            credentials = await self.session.get_credentials()
        except SDK_ERRORS as error:
            raise storage_error(error, self.bucket) from error
        if credentials is None:
            raise no_credentials()
        return credentials

    async def caller(self) -> str:
        """Ask STS as whom we speak, as an ARN."""
        config = AioConfig(connect_timeout=CONNECT_SECONDS, read_timeout=CONNECT_SECONDS, retries=_NO_RETRIES)
        try:
            async with self.session.create_client(
                "sts", region_name=self.options.signing_region, config=config, verify=self._verify()
            ) as client:
                answer = await client.get_caller_identity()
        except SDK_ERRORS as error:
            raise storage_error(error, self.bucket) from error
        return str(answer["Arn"])

    async def aclose(self) -> None:
        """Close its connections; idempotent."""
        async with self._lock:
            self._closed = True
            self._client = None
            await self._open.aclose()

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation; in whole, if the store may execute it after nobody waits for it any more."""
        request = self._request(operation, **parameters)
        return await (whole(request) if operation in _LASTING else request)

    async def _request(self, operation: str, **parameters: Any) -> dict[str, Any]:
        client = await self.connected()
        call = getattr(client, operation)
        content = parameters.get("Body")
        try:
            if not isinstance(content, Content):
                answer: dict[str, Any] = await call(Bucket=self.bucket, **parameters)
                return answer
            async with patience(READ_SECONDS) as content.on_read:
                answer = await call(Bucket=self.bucket, **parameters)
        except SDK_ERRORS as error:
            raise storage_error(error, self.bucket) from error
        return answer

    async def _connect(self) -> Any:
        if self._closed:
            raise StorageUnavailableError("the driver is closed")
        options = self.options
        created = self.session.create_client(
            "s3",
            region_name=options.signing_region,
            endpoint_url=options.endpoint,
            use_ssl=options.secure,
            verify=self._verify(),
            config=self._config(),
        )
        try:
            client = await self._open.enter_async_context(created)
        except (*SDK_ERRORS, ValueError) as error:
            raise storage_error(error, self.bucket) from error
        self.trace.attach(client.meta.events)
        attach_listing(client.meta.events)
        attach_sending(client.meta.events)
        if self._profile.batch_digest == "md5":
            attach_digest(client.meta.events)
        return client

    def _config(self) -> AioConfig:
        options = self.options
        return AioConfig(
            signature_version="s3v4" if options.v4auth else "s3",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=_CONNECTIONS,
            retries=_NO_RETRIES,
            http_session_cls=SingleAttempts,
            user_agent_extra=user_agent(options),
            use_dualstack_endpoint=options.usedualstack,
            use_fips_endpoint=options.usefipsendpoint,
            ignore_configured_endpoint_urls=True,
            request_checksum_calculation=self._profile.request_checksums,
            response_checksum_validation="when_required",
            warm_up_loader_caches=True,
            s3={
                "addressing_style": "path" if options.forcepathstyle else "virtual",
                "use_accelerate_endpoint": options.accelerate,
                "us_east_1_regional_endpoint": "regional",
                # Hashing doubles the time that a part takes of this process; what arrives is told by its ETag and size,
                # and content by its digest.
                "payload_signing_enabled": False,
            },
        )

    def _verify(self) -> bool | str | None:
        """What the SDK checks certificates against; `None` for the list that came with it."""
        return False if self.options.skipverify else ca_bundle(self.session)


_NO_RETRIES: Final = {"total_max_attempts": 1, "mode": "standard"}


def user_agent(options: S3Options) -> str:
    """What requests carry of us, and of the operator."""
    return f"holdfast/{__version__} {options.useragent}".rstrip()


def ca_bundle(session: AioSession) -> str | None:
    """The file of the authorities to trust: the one that the SDK is configured with, or else the system's."""
    configured: str | None = session.get_config_variable("ca_bundle")
    found = (configured, ssl.get_default_verify_paths().cafile, *_SYSTEM_BUNDLES)
    return next((file for file in found if file and Path(file).is_file()), None)
