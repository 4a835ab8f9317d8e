from collections.abc import AsyncIterator

import pytest

from tests.storage.middleware.mirror.mirrored import Mirrored


@pytest.fixture
async def both() -> AsyncIterator[Mirrored]:
    """Both stores are required."""
    made = Mirrored()
    yield made
    await made.driver.aclose()


@pytest.fixture
async def primary() -> AsyncIterator[Mirrored]:
    """The first store alone is required."""
    made = Mirrored("primary")
    yield made
    await made.driver.aclose()
