import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from holdfast.registry.model.digest import Digest
from holdfast.registry.store.hashing import RunningDigest

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that hash."""
    with ThreadPoolExecutor(max_workers=2) as threads:
        yield threads


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize(
    "sizes",
    [[], [0], [1], [32 * 1024], [32 * 1024 + 1], [MIB], [MIB + 1], [MIB, MIB, MIB], [7] * 1000, [3 * MIB, 1, 40_000]],
)
async def test_any_pieces(pool: ThreadPoolExecutor, algorithm: str, sizes: list[int]) -> None:
    """The digest is that of the whole, whatever the pieces, and the size is theirs."""
    chunks = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    running = RunningDigest(pool, algorithm)
    for chunk in chunks:
        await running.update(chunk)

    assert sum(sizes) == running.size
    assert Digest.of(b"".join(chunks), algorithm) == await running.digest()


async def test_continues_after_a_digest(pool: ThreadPoolExecutor) -> None:
    """More can follow after the digest was asked for."""
    running = RunningDigest(pool, "sha256")
    await running.update(b"one")
    first = await running.digest()
    await running.update(b"two")

    assert Digest.of(b"one") == first
    assert Digest.of(b"onetwo") == await running.digest()


async def test_cancelled() -> None:
    """Cancelled while it waits for a thread, it has taken in the chunk and stays right."""
    held = threading.Event()
    chunks = [bytes([number]) * MIB for number in range(3)]
    with ThreadPoolExecutor(max_workers=1) as pool:
        blocked = pool.submit(held.wait)
        running = RunningDigest(pool, "sha256")
        await running.update(chunks[0])
        waiting = asyncio.create_task(running.update(chunks[1]))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        held.set()
        await asyncio.wrap_future(blocked)
        await running.update(chunks[2])

        assert 3 * MIB == running.size
        assert Digest.of(b"".join(chunks)) == await running.digest()
