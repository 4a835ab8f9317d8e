from typing import Any

import pytest

from holdfast.storage import InvalidParameterError
from holdfast.storage.drivers.azure import AzureDriver
from holdfast.storage.drivers.azure._access import find_access
from holdfast.storage.drivers.azure._copying import Patience
from holdfast.storage.drivers.azure._duration import seconds
from holdfast.storage.drivers.azure.options import AzureOptions
from holdfast.storage.options import describe, parse

_KEY = "c2VjcmV0"
_CLIENT = {"type": "client_secret", "clientid": "client", "tenantid": "tenant", "secret": "s3cr3t"}
_STRING = "DefaultEndpointsProtocol=https;AccountName=myaccount;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"


def _parse(**parameters: Any) -> AzureOptions:
    return parse("azure", AzureOptions, {"container": "images", **parameters})


def test_parameters_are_upstreams() -> None:
    """Every one that the Docker Registry's driver has, and its defaults; three are ours."""
    upstreams = {
        "accountname": "myaccount",
        "accountkey": None,
        "connectionstring": None,
        "credentials": None,
        "realm": "core.windows.net",
        "serviceurl": None,
        "rootdirectory": "",
        "max_retries": 5,
        "retry_delay": "100ms",
        "skipverify": False,
    }
    options = _parse(accountname="myaccount")

    assert upstreams == {name: getattr(options, name) for name in upstreams}
    assert {"container", "chunksize", "buffermemory", "redirectendpoint"} == options.__class__.model_fields.keys() - (
        upstreams.keys()
    )


@pytest.mark.parametrize(
    ("parameters", "kind", "url"),
    [
        ({"accountname": "myaccount"}, "default credentials", "https://myaccount.blob.core.windows.net"),
        ({"accountname": "myaccount", "accountkey": _KEY}, "account key", "https://myaccount.blob.core.windows.net"),
        (
            {"accountname": "myaccount", "accountkey": _KEY, "credentials": {"type": "shared_key"}},
            "account key",
            "https://myaccount.blob.core.windows.net",
        ),
        (
            {"accountname": "myaccount", "realm": "core.chinacloudapi.cn", "credentials": {"type": "default"}},
            "default credentials",
            "https://myaccount.blob.core.chinacloudapi.cn",
        ),
        # As upstream, where the type of the credentials decides.
        (
            {"accountname": "myaccount", "accountkey": _KEY, "credentials": _CLIENT},
            "client secret",
            "https://myaccount.blob.core.windows.net",
        ),
        (
            {"accountname": "myaccount", "serviceurl": "https://10.0.0.1/myaccount/"},
            "default credentials",
            "https://10.0.0.1/myaccount",
        ),
        (
            {"connectionstring": _STRING},
            "connection string with account key",
            "https://myaccount.blob.core.windows.net",
        ),
        (
            {"connectionstring": "BlobEndpoint=http://127.0.0.1:1/myaccount/;SharedAccessSignature=?sv=1&sig=x"},
            "connection string with shared access signature",
            "http://127.0.0.1:1/myaccount",
        ),
        ({"accountname": 1234567, "container": 89, "accountkey": _KEY}, None, "https://1234567.blob.core.windows.net"),
        # A variable without a value.
        ({"accountname": "myaccount", "accountkey": "", "connectionstring": ""}, "default credentials", None),
    ],
)
def test_who_we_are_is_known_without_asking(parameters: dict[str, Any], kind: str | None, url: str | None) -> None:
    """The account, its URL and the kind of credentials follow from the parameters."""
    access = find_access(_parse(**parameters))

    assert str(parameters.get("accountname", "myaccount")) == access.account
    assert kind is None or kind == access.kind
    assert url is None or url == access.service_url


@pytest.mark.parametrize(
    ("parameters", "key", "words"),
    [
        ({}, "(all)", "accountname is required"),
        ({"accountname": "My_Account"}, "accountname", "pattern"),
        ({"accountname": "myaccount", "container": ""}, "container", "required"),
        ({"accountname": "myaccount", "accountkey": "not base64!"}, "accountkey", "not valid"),
        ({"accountname": "myaccount", "credentials": {"type": "shared_key"}}, "(all)", "accountkey is required"),
        ({"accountname": "myaccount", "credentials": {"type": "magic"}}, "credentials.type", "client_secret"),
        (
            {"accountname": "myaccount", "credentials": {"type": "default", "client": "x"}},
            "credentials.client",
            "clientid",
        ),
        (
            {"accountname": "myaccount", "credentials": {"type": "client_secret", "clientid": "x"}},
            "credentials",
            "tenantid, secret",
        ),
        ({"connectionstring": "nonsense"}, "connectionstring", "not valid"),
        ({"connectionstring": _STRING, "accountkey": _KEY}, "(all)", "accountkey must not"),
        ({"accountname": "myaccount", "serviceurl": "http://10.0.0.1/myaccount"}, "(all)", "https"),
        ({"accountname": "myaccount", "serviceurl": "myaccount.blob.core.windows.net"}, "serviceurl", "URL"),
        ({"accountname": "myaccount", "redirectendpoint": "https://cdn.example.com?sv=1"}, "redirectendpoint", "query"),
        ({"accountname": "myaccount", "retry_delay": "soon"}, "retry_delay", "duration"),
        ({"accountname": "myaccount", "max_retries": -2}, "max_retries", "-1"),
        ({"accountname": "myaccount", "chunksize": 4000 * 1024**2 + 1}, "chunksize", "4194304000"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict[str, Any], key: str, words: str) -> None:
    """With one line that names the key, and quotes no secret."""
    with pytest.raises(InvalidParameterError) as caught:
        _parse(**parameters)

    assert key == caught.value.key
    assert words in caught.value.reason
    assert "\n" not in caught.value.reason
    assert "not base64!" not in str(caught.value)


def test_secrets_are_masked() -> None:
    """They appear neither in the options nor in what is made of them."""
    options = _parse(accountname="myaccount", accountkey=_KEY, credentials=_CLIENT)
    shown = f"{options!r} {find_access(options)!r} {find_access(_parse(connectionstring=_STRING))!r}"
    secret = {info.name for info in describe(AzureOptions) if info.secret}

    assert {"accountkey", "connectionstring"} == secret
    assert "s3cr3t" not in shown
    assert _KEY not in shown


@pytest.mark.anyio
async def test_making_a_driver_opens_nothing() -> None:
    """Its name and capabilities are known before the first request; a driver that was never used closes."""
    driver = AzureDriver(_parse(accountname="myaccount", rootdirectory="/a/b/"))

    assert ("azure", True, True) == (driver.name, driver.capabilities.redirect_get, driver.capabilities.shared)
    await driver.aclose()


@pytest.mark.parametrize(
    ("text", "expected"), [("100ms", 0.1), ("1m30s", 90), ("1.5h", 5400), ("0", 0), ("2us", 2e-6), (".5s", 0.5)]
)
def test_durations_are_gos(text: str, expected: float) -> None:
    """Units may follow each other and have fractions."""
    assert expected == pytest.approx(seconds(text))


@pytest.mark.parametrize("text", ["", "5", "-1s", "1 s", "1s ", "1d", "ms"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number needs a unit, and nothing is negative here."""
    with pytest.raises(ValueError, match="duration"):
        seconds(text)


def test_a_copy_is_waited_for_as_long_as_its_size_deserves() -> None:
    """`max_retries` questions at growing distances, and a second for each 4 MiB; -1 doesn't wait."""
    mib = 1024 * 1024

    assert [0.1 * 15, 0.1 * 15 + 25] == [Patience(5, 0.1).seconds(size) for size in (0, 100 * mib)]
    assert Patience(5, 0.1).seconds(mib) == Patience(0, 0.1).seconds(mib)
    assert 0 == Patience(-1, 0.1).seconds(100 * mib)
    assert [0.1, 0.2, 0.2] == [Patience(2, 0.1).pause(question) for question in (1, 2, 3)]
