import pytest

from holdfast.storage import InvalidParameterError
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware.rewrite import Rewrite
from holdfast.storage.options import parse
from tests.storage.fakes import ScriptedDriver

pytestmark = pytest.mark.anyio

_SIGNED = "https://account.blob.example/container/a/b?sig=a%2Bb%3D&se=2026-01-01T00%3A00%3A00Z"


class _Signing(ForwardingDriver):
    def __init__(self, url: str | None) -> None:
        super().__init__(ScriptedDriver())
        self._url = url

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        del path, method
        return self._url


def _rewrite(url: str | None, **options: str) -> Rewrite:
    return Rewrite(_Signing(url), parse("rewrite", Rewrite.Options, options))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, _SIGNED),
        ({"scheme": "http"}, _SIGNED.replace("https:", "http:")),
        ({"host": "cdn.example:8443"}, _SIGNED.replace("account.blob.example", "cdn.example:8443")),
        ({"trimpathprefix": "/container"}, _SIGNED.replace("/container", "")),
        ({"trimpathprefix": "/container/"}, _SIGNED.replace("/container", "")),
        ({"trimpathprefix": "/other"}, _SIGNED),
        (
            {"scheme": "http", "host": "cdn.example", "trimpathprefix": "/container"},
            "http://cdn.example/a/b?sig=a%2Bb%3D&se=2026-01-01T00%3A00%3A00Z",
        ),
        ({"scheme": "", "host": "", "trimpathprefix": ""}, _SIGNED),
    ],
)
async def test_what_is_given_is_replaced(options: dict[str, str], expected: str) -> None:
    """The rest of the URL stays as it is, to the last percent sign."""
    assert expected == await _rewrite(_SIGNED, **options).redirect_url("/a/b")


async def test_no_url_stays_no_url() -> None:
    """Where the driver gives none, none is made up of the host alone."""
    assert None is await _rewrite(None, scheme="https", host="cdn.example").redirect_url("/a/b")


@pytest.mark.parametrize(
    ("key", "value"), [("scheme", "https://"), ("scheme", "ftp"), ("host", "cdn.example/x"), ("host", "https://cdn")]
)
def test_what_cannot_be_part_of_a_url_is_refused(key: str, value: str) -> None:
    """By the key that it was given for."""
    with pytest.raises(InvalidParameterError) as caught:
        _rewrite(None, **{key: value})

    assert key == caught.value.key
