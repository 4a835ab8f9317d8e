from collections.abc import Iterator

import pytest

from holdfast.storage.drivers._objectstore import reader, retrying

__all__: list[str] = []


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Iterator[None]:
    """Trying again waits for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (reader, retrying):
            patch.setattr(module, "pause", lambda _error, _attempt: 0.0)
        yield
