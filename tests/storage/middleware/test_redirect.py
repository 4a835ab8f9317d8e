import pytest

from holdfast.storage import Capabilities
from holdfast.storage.middleware.redirect import Redirect
from holdfast.storage.options import parse
from tests.storage.fakes import ScriptedDriver

pytestmark = pytest.mark.anyio


def _redirect(baseurl: str, inner: ScriptedDriver | None = None) -> Redirect:
    return Redirect(inner or ScriptedDriver(), parse("redirect", Redirect.Options, {"baseurl": baseurl}))


@pytest.mark.parametrize(
    ("baseurl", "expected"),
    [
        ("https://cdn.example.com", "https://cdn.example.com/a/b"),
        ("https://cdn.example.com/", "https://cdn.example.com/a/b"),
        ("http://cdn.example.com:8080/files", "http://cdn.example.com:8080/files/a/b"),
        ("https://[2001:db8::1]/files/", "https://[2001:db8::1]/files/a/b"),
        ("https://cdn.example.com/with%20space", "https://cdn.example.com/with%20space/a/b"),
    ],
)
async def test_the_path_follows_the_base_url(baseurl: str, expected: str) -> None:
    """With one slash between them, for both methods, whatever the driver would say."""
    driver = _redirect(baseurl)

    assert (expected, expected) == (
        await driver.redirect_url("/a/b"),
        await driver.redirect_url("/a/b", method="HEAD"),
    )


async def test_other_methods_are_not_redirected() -> None:
    """A `PUT` is never sent anywhere."""
    assert None is await _redirect("https://cdn.example.com").redirect_url("/a", method="PUT")


async def test_a_driver_that_does_not_redirect_does_now() -> None:
    """It says so, and nothing else of the driver changes."""
    driver = _redirect("https://cdn.example.com", ScriptedDriver(capabilities=Capabilities(shared=True)))

    assert Capabilities(shared=True, redirect_get=True, redirect_head=True) == driver.capabilities
