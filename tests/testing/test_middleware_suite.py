"""What the suite of middleware adds to that of drivers: each of its tests fails where its property doesn't hold."""

from dataclasses import replace

import pytest

from holdfast.storage import Capabilities, StorageDriver
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.testing import MiddlewareSuite

pytestmark = pytest.mark.anyio


class _Forgetful(ForwardingDriver):
    async def aclose(self) -> None:
        """Forget the inner driver."""


class _Renaming(ForwardingDriver):
    @property
    def name(self) -> str:
        return "renamed"


class _Turning(ForwardingDriver):
    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, list_uploads=not self.inner.capabilities.list_uploads)


class _Sharing(ForwardingDriver):
    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, shared=True)


class _Fixing(ForwardingDriver):
    """Changes the truth of two, for good reasons, and says so."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, redirect_get=True, put_match_version=False)


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (_Forgetful, "test_closing_closes_the_inner_driver"),
        (_Renaming, "test_name_is_the_inner_drivers"),
        (_Turning, "test_capabilities_are_the_inner_drivers_or_fixed"),
        (_Sharing, "test_capabilities_are_the_inner_drivers_or_fixed"),
    ],
)
async def test_what_is_wrong_fails(wrong: type[StorageDriver], test: str) -> None:
    """A middleware that breaks a promise doesn't pass the test of it."""
    with pytest.raises(AssertionError):
        await getattr(MiddlewareSuite(), test)(wrong)


@pytest.mark.parametrize("right", [ForwardingDriver, _Fixing])
async def test_what_is_right_passes(right: type[StorageDriver]) -> None:
    """One that changes nothing, and one that changes what it may."""
    suite = MiddlewareSuite()
    passed = [
        await getattr(suite, test)(right)
        for test in (
            "test_closing_closes_the_inner_driver",
            "test_name_is_the_inner_drivers",
            "test_capabilities_are_the_inner_drivers_or_fixed",
        )
    ]

    assert [None] * 3 == passed
