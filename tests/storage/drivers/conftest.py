import asyncio
import ctypes
import os

import pytest

__all__: list[str] = []

# So that what a contract asserts is told in full; this has to come before they are imported.
_CONTRACTS = ("bucket_contract", "contract_base", "listing_contract", "objects_contract", "uploads_contract")
pytest.register_assert_rewrite(*(f"tests.storage.drivers.objectstore.{module}" for module in _CONTRACTS))


_MMAP_THRESHOLD = -3
"""The GNU C library's name for it: `M_MMAP_THRESHOLD`."""


@pytest.fixture(scope="session")
def s3_ready() -> None:
    """What a process keeps once it has used the SDK and the fast reader: descriptions of services, and threads."""
    from obstore.store import MemoryStore  # noqa: PLC0415 - only where it is asked for

    from holdfast.storage.drivers.s3 import S3Options  # noqa: PLC0415 - as above
    from holdfast.storage.drivers.s3.bucket import S3Bucket  # noqa: PLC0415 - as above

    async def use() -> None:
        await MemoryStore().put_async("a", b"")
        parameters = {"bucket": "b", "regionendpoint": "127.0.0.1:1", "accesskey": "key", "secretkey": "secret"}
        bucket = S3Bucket(S3Options.model_validate(parameters))
        await bucket.sign("a", method="GET")
        await bucket.aclose()

    asyncio.run(use())


@pytest.fixture(scope="session")
def opendal_ready() -> None:
    """What a process keeps once it has used OpenDAL: the descriptors of its runtime.

    The memory that its buffers took is given back at once: what the allocator keeps for later isn't in use. And its
    errors have no backtraces, whatever the environment asks for: the first one takes 30 MiB for names of functions.
    """
    os.environ["RUST_LIB_BACKTRACE"] = "0"
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 256 * 1024)
    from opendal import AsyncOperator  # noqa: PLC0415 - only where it is asked for

    async def use() -> None:
        await AsyncOperator("memory").write("a", b"x")

    asyncio.run(use())


@pytest.fixture(scope="session")
def fsspec_ready() -> None:
    """What a process keeps once it has used an asynchronous filesystem of fsspec: a thread with an event loop."""
    from fsspec.asyn import get_loop, sync  # noqa: PLC0415 - only where it is asked for

    async def use() -> None:
        await asyncio.sleep(0)

    sync(get_loop(), use)
