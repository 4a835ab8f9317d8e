"""Reading by obstore (Rust), which takes a fifth of the SDK's time.

Whatever goes wrong with it, other than what it says by a type of its own, isn't told: the caller then asks the SDK the
same, whose error has a code, so that no message has to be read.
"""

from __future__ import annotations

import atexit
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import obstore
from botocore.credentials import RefreshableCredentials
from obstore.exceptions import PreconditionError
from obstore.store import S3Store

from holdfast.storage.driver import MAX_CHUNK_BYTES
from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, OpenObject
from holdfast.storage.drivers.s3._client import CONNECT_SECONDS, READ_SECONDS, ca_bundle, user_agent
from holdfast.storage.drivers.s3._doubt import Doubt
from holdfast.storage.drivers.s3.errors import FAST_ERRORS, SDK_ERRORS, storage_error
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from obstore import GetOptions, GetResult, ObjectMeta
    from obstore.store import ClientConfig, S3Credential, S3CredentialProvider

    from holdfast.storage.drivers.s3._client import Client

__all__ = ["FastReader"]

T = TypeVar("T")

_CHUNK_BYTES: Final = 1024 * 1024
"""What is collected before a chunk is handed on."""

_LONG: Final = timedelta(days=7)
"""For a whole answer, whose time depends on who takes it; silence has a limit of its own."""

_FRESH: Final = timedelta(minutes=1)
"""For how long credentials that expire are used without asking for them again; the SDK knows when they are renewed."""

_IDLE: Final = timedelta(seconds=30)
"""How long a connection is kept that nobody uses."""

_LAST_SECONDS: Final = 0.1
"""How long the end of the interpreter is put off, once.

Before Python 3.14 it ends threads that want its lock, and one of the reader that is just giving something back takes
the whole process along: 1 of 25 that ended right after a download.
"""


class FastReader:
    """Reads that are answered at once, or not at all: `None` means that the SDK has to be asked.

    Args:
        client: The SDK's; its credentials and its idea of the endpoint are used.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        options = client.options
        # It signs with version 4 only, its TLS isn't a validated one, and ARNs lead elsewhere.
        self._able = options.v4auth and not options.usefipsendpoint and not options.bucket.startswith("arn:")
        self._store: S3Store | None = None
        self._doubt = Doubt("obstore", client.bucket)

    async def get(self, key: str) -> bytes | None:
        """An object's content."""

        async def get() -> bytes:
            result = await obstore.get_async(self._connected, key)
            return bytes(await result.bytes_async())

        return await self._ask("GET", key, get)

    async def head(self, key: str) -> ObjectInfo | None:
        """An object's description."""

        async def head() -> ObjectInfo:
            return _info(key, await obstore.head_async(self._connected, key))

        return await self._ask("HEAD", key, head)

    async def open(self, key: str, *, offset: int, length: int | None, version: str | None) -> OpenObject | None:
        """An open object; its chunks are to be closed."""
        options: GetOptions = {}
        if length is not None:
            options["range"] = (offset, offset + length)
        elif offset:
            options["range"] = {"offset": offset}
        if version is not None:
            options["if_match"] = f'"{version}"'

        async def open_() -> OpenObject:
            result = await obstore.get_async(self._connected, key, options=options)
            return OpenObject(_info(key, result.meta), _chunks(result, self._client.bucket))

        return await self._ask("GET", key, open_)

    def note_doubt(self, key: str) -> None:
        """Note that the SDK could read an object where this answered with `None`."""
        if self._takes(key):
            self._doubt.note()

    async def aclose(self) -> None:
        """Close its connections; idempotent."""
        self._able = False
        self._store = None

    async def _ask(self, method: str, key: str, call: Callable[[], Awaitable[T]]) -> T | None:
        if not self._takes(key):
            return None
        if self._store is None:
            await self._connect()
        started = time.monotonic()
        outcome = "left to the SDK"
        try:
            result = await call()
            outcome = "found"
        except FileNotFoundError as error:
            outcome = "not found"
            await self._client.check_bucket()
            raise PathNotFoundError("no such object") from error
        except PreconditionError as error:
            outcome = "another version"
            raise PreconditionFailedError("the object has another version") from error
        except FAST_ERRORS:
            return None
        finally:
            self._client.trace.fast(method, key, started, outcome)
        self._doubt.clear()
        self._client.prove_bucket()
        return result

    def _takes(self, key: str) -> bool:
        return self._able and not self._doubt.holds and _is_plain(key)

    @property
    def _connected(self) -> S3Store:
        """The reader, for obstore's functions.

        Its methods aren't called: an error's traceback would hold it by their frames, and keep its connections open.
        """
        if self._store is None:
            raise StorageUnavailableError("the driver is closed")
        return self._store

    async def _connect(self) -> None:
        """Make the reader, for the endpoint that the SDK's own URLs lead to."""
        client, options = self._client, self._client.options
        sdk = await client.connected()
        credentials = await client.credentials()
        try:
            url = await sdk.generate_presigned_url("get_object", Params={"Bucket": client.bucket, "Key": "k"})
        except SDK_ERRORS as error:
            raise storage_error(error, client.bucket) from error
        parts = urlsplit(url)
        path = parts.path.removesuffix("/k")
        in_path = path.endswith(f"/{client.bucket}")
        endpoint = f"{parts.scheme}://{parts.netloc}{path.removesuffix(f'/{client.bucket}') if in_path else path}"
        if self._store is None and self._able:
            _put_off_the_end()
            self._store = S3Store(
                client.bucket,
                region=options.signing_region,
                endpoint=endpoint,
                # What variables of the environment would otherwise set, for this reader alone.
                aws_endpoint_url_s3=endpoint,
                skip_signature=False,
                request_payer=False,
                s3_express=False,
                virtual_hosted_style_request=not in_path,
                client_options=self._client_options(),
                retry_config={"max_retries": 0},
                credential_provider=_provider(credentials),
            )

    def _client_options(self) -> ClientConfig:
        options = self._client.options
        made: ClientConfig = {
            "allow_http": True,
            "allow_invalid_certificates": options.skipverify,
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "pool_idle_timeout": _IDLE,
            "read_timeout": timedelta(seconds=READ_SECONDS),
            "timeout": _LONG,
            "user_agent": user_agent(options),
        }
        bundle = ca_bundle(self._client.session)
        if bundle is not None:
            made["root_certificate"] = Path(bundle).read_bytes()
        return made


@cache
def _put_off_the_end() -> None:
    atexit.register(time.sleep, _LAST_SECONDS)


def _provider(credentials: Any) -> S3CredentialProvider:
    """What hands on the SDK's credentials, which renew themselves."""
    expires = isinstance(credentials, RefreshableCredentials)

    async def provide() -> S3Credential:
        frozen = await credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _FRESH if expires else None,
        }

    return provide


def _is_plain(key: str) -> bool:
    """Whether the reader takes a key as it is: it thinks of keys as paths."""
    return all(segment not in {"", ".", ".."} for segment in key.split("/"))


def _info(key: str, meta: ObjectMeta) -> ObjectInfo:
    etag = meta["e_tag"]
    version = etag.strip('"') if etag else None
    return ObjectInfo(key=key, size=meta["size"], modified=meta["last_modified"], version=version)


async def _chunks(result: GetResult, bucket: str) -> AsyncIterator[bytes]:
    try:
        async for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
            for begin in range(0, len(chunk), MAX_CHUNK_BYTES):
                yield chunk[begin : begin + MAX_CHUNK_BYTES]
    except FAST_ERRORS as error:
        raise storage_error(error, bucket) from error
