from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture
def own_logs() -> Iterator[None]:
    """The commands' log is theirs alone."""
    yield
    structlog.reset_defaults()
