"""As whom we speak to an account: from the options to what signs requests."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.identity import AzureAuthorityHosts
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential

from holdfast.storage.drivers.azure._connection_string import parse_connection_string

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from holdfast.storage.drivers.azure.options import AzureCredentials, AzureOptions

__all__ = ["Access", "Credential", "find_access", "make_credential"]

Credential: TypeAlias = "AzureNamedKeyCredential | AzureSasCredential | AsyncTokenCredential"

# Each cloud has a login service of its own. The variable that Azure's own environments set comes before these.
_AUTHORITIES: Final = {
    "core.chinacloudapi.cn": AzureAuthorityHosts.AZURE_CHINA,
    "core.usgovcloudapi.net": AzureAuthorityHosts.AZURE_GOVERNMENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the options say about an account. Nobody is asked to know it.

    Attributes:
        account: Its name.
        service_url: The blob service's, without a slash at its end.
        kind: How we prove who we are, in words.
        key: The account's key, where we have it.
        signature: A shared access signature, where that is all we have.
    """

    account: str
    service_url: str
    kind: str
    key: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)

    @property
    def can_sign(self) -> bool:
        """Whether we can make URLs for others: who has a signature can't make another."""
        return self.signature is None


def find_access(options: AzureOptions) -> Access:
    """Read the account, its URL and its secrets from the options."""
    if options.connectionstring is not None:
        found = parse_connection_string(options.connectionstring.get_secret_value(), options.realm)
        return Access(
            account=found.account,
            service_url=options.serviceurl or found.service_url,
            kind=f"connection string with {'account key' if found.key else 'shared access signature'}",
            key=found.key,
            signature=found.signature,
        )
    account = str(options.accountname)
    service_url = options.serviceurl or f"https://{account}.blob.{options.realm}"
    kind = options.credentials.type if options.credentials else None
    if options.accountkey is not None and kind in {None, "shared_key"}:
        return Access(
            account=account, service_url=service_url, kind="account key", key=options.accountkey.get_secret_value()
        )
    words = "client secret" if kind == "client_secret" else "default credentials"
    return Access(account=account, service_url=service_url, kind=words)


def make_credential(access: Access, options: AzureOptions) -> Credential:
    """Make what proves who we are. Who made it closes it, where it can be closed."""
    if access.key is not None:
        return AzureNamedKeyCredential(access.account, access.key)
    if access.signature is not None:
        return AzureSasCredential(access.signature)
    # Tokens are asked for about once an hour: a few tries more cost nobody anything.
    settings: dict[str, Any] = {"retry_total": 3, "connection_timeout": 10, "read_timeout": 20}
    if "AZURE_AUTHORITY_HOST" not in os.environ and options.realm in _AUTHORITIES:
        settings["authority"] = _AUTHORITIES[options.realm]
    given = options.credentials
    if given is not None and given.type == "client_secret":
        return _client_secret(given, settings)
    return _default(given, settings)


def _client_secret(given: AzureCredentials, settings: dict[str, Any]) -> AsyncTokenCredential:
    secret = given.secret.get_secret_value() if given.secret else ""
    return ClientSecretCredential(str(given.tenantid), str(given.clientid), secret, **settings)


def _default(given: AzureCredentials | None, settings: dict[str, Any]) -> AsyncTokenCredential:
    if given is not None and given.clientid:
        settings |= {"managed_identity_client_id": given.clientid, "workload_identity_client_id": given.clientid}
    if given is not None and given.tenantid:
        settings["workload_identity_tenant_id"] = given.tenantid
    return DefaultAzureCredential(**settings)
