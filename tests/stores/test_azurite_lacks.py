"""What Azurite is said to lack, it does lack: what it has learnt is no longer declared."""

from collections.abc import Callable, Mapping

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient

from tests.services.stores.azurite import LACKS, AzuriteContainer, AzuriteService
from tests.services.stores.exchange import ask


def _source(container: AzuriteContainer) -> str:
    container.put("a", b"one")
    return f"{container.service.endpoint}/{container.name}/a?{container.service.token()}"


def _status(call: Callable[[BlobClient], object], container: AzuriteContainer) -> int:
    """What a call of the SDK, authorised by the account's key, is answered; 200 when it succeeds."""
    endpoint, account = container.service.endpoint, container.service
    credential = {"account_name": account.account, "account_key": account.key}
    with BlobClient(endpoint, container.name, "b", credential=credential, retry_total=0) as blob:
        try:
            call(blob)
        except HttpResponseError as error:
            return error.status_code or 0
    return 200


def _put_from_url(container: AzuriteContainer) -> int:
    source = _source(container)
    return _status(lambda blob: blob.upload_blob_from_url(source), container)


def _append_from_url(container: AzuriteContainer) -> int:
    source = _source(container)
    return _status(lambda blob: (blob.create_append_blob(), blob.append_block_from_url(source)), container)


def _block_from_url_by_token(container: AzuriteContainer) -> int:
    headers = {"x-ms-copy-source": _source(container)}
    return container.ask("PUT", "b", {"comp": "block", "blockid": "AAAA"}, headers=headers).status


_PROBES: Mapping[str, Callable[[AzuriteContainer], bool]] = {
    "append_from_url": lambda container: _append_from_url(container) == 501,
    "block_from_url_by_token": lambda container: _block_from_url_by_token(container) == 500,
    "put_from_url": lambda container: _put_from_url(container) == 501,
}


@pytest.mark.parametrize("lack", sorted(LACKS))
def test_azurite_lacks(azurite: AzuriteService, lack: str) -> None:
    """Azurite does what is said of it instead."""
    assert _PROBES[lack](azurite.new_bucket())


def test_block_from_url_by_key(azurite: AzuriteService) -> None:
    """A range of a blob becomes a block of another, authorised by the account's key."""
    container = azurite.new_bucket()
    source = _source(container)

    assert 200 == _status(
        lambda blob: blob.stage_block_from_url("AAAA", source, source_offset=1, source_length=1), container
    )
    assert ["upload:b"] == container.leftovers()[1:]


def test_azurite_asks_who_it_is(azurite: AzuriteService) -> None:
    """Who doesn't say who he is, or says it with another signature, is refused."""
    url = _source(azurite.new_bucket())
    plain, _, token = url.partition("?")

    assert b"one" == ask("GET", url).body
    assert 403 == ask("GET", plain).status
    assert 403 == ask("GET", f"{plain}?{token.replace('sig=', 'sig=0')}").status


def test_azurite_over_tls(azurite_tls: AzuriteService) -> None:
    """Only who trusts its authority takes it for what it is."""
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        ask("GET", azurite_tls.endpoint)
