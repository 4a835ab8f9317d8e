"""Connection strings, as Azure's portal shows them: `AccountName=...;AccountKey=...;EndpointSuffix=...`."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ConnectionString", "parse_connection_string"]


class ConnectionString(NamedTuple):
    """What a connection string says.

    Attributes:
        account: The account's name.
        service_url: The blob service's.
        key: The account's key, where it has it.
        signature: The shared access signature, where it has that instead.
    """

    account: str
    service_url: str
    key: str | None
    signature: str | None


def parse_connection_string(text: str, realm: str) -> ConnectionString:
    """Read a connection string (https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string).

    Args:
        text: The connection string.
        realm: The service's domain, where the text names neither an endpoint nor a suffix.

    Raises:
        ValueError: It is none of a blob service; the message quotes nothing of it.
    """
    pairs = [part.partition("=") for part in text.strip().strip(";").split(";")]
    settings = {name.strip().lower(): value.strip() for name, _, value in pairs}
    account, key = settings.get("accountname"), settings.get("accountkey")
    signature = settings.get("sharedaccesssignature", "").lstrip("?") or None
    url = settings.get("blobendpoint", "").rstrip("/")
    if not url and account:
        scheme = settings.get("defaultendpointsprotocol", "https")
        url = f"{scheme}://{account}.blob.{settings.get('endpointsuffix', realm)}"
    if not url:
        raise ValueError("has neither BlobEndpoint nor AccountName")
    if not (key or signature):
        raise ValueError("has neither AccountKey nor SharedAccessSignature")
    if key and not account:
        raise ValueError("has an AccountKey without AccountName")
    return ConnectionString(account or _account_of(url), url, key, None if key else signature)


def _account_of(url: str) -> str:
    """The account's name, which a URL begins with, or ends with where the host is an address."""
    host, _, path = url.partition("://")[2].partition("/")
    return path.partition("/")[0] or host.partition(".")[0]
