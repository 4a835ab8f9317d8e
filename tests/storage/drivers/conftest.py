import asyncio

import pytest

__all__: list[str] = []

# So that what a contract asserts is told in full; this has to come before they are imported.
_CONTRACTS = ("bucket_contract", "contract_base", "listing_contract", "objects_contract", "uploads_contract")
pytest.register_assert_rewrite(*(f"tests.storage.drivers.objectstore.{module}" for module in _CONTRACTS))


@pytest.fixture(scope="session")
def fast_reader_running() -> None:
    """The fast reader's runtime, which every process has once, has the descriptors that it keeps to its end."""
    from obstore.store import MemoryStore  # noqa: PLC0415 - only where it is asked for

    async def use() -> None:
        await MemoryStore().put_async("a", b"")

    asyncio.run(use())
