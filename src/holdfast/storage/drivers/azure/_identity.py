"""Who we are at the store, for a log line: a registry that silently uses a broader identity is a trap."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final, cast

from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ChainedTokenCredential

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

__all__ = ["SCOPE", "describe_token"]

SCOPE: Final = "https://storage.azure.com/.default"
"""What tokens are for: all storage accounts, in every cloud."""

# Claims of a token and what they are called: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
_CLAIMS: Final = {
    "appid": "client",
    "azp": "client",
    "upn": "user",
    "xms_mirid": "managed identity",
    "oid": "object",
    "tid": "tenant",
}


async def describe_token(credential: AsyncTokenCredential) -> str:
    """Tell who a credential says we are, and which one of a chain says it.

    Raises:
        ClientAuthenticationError: No token was given to us.
    """
    finder, token = await _get_token(credential)
    claims = _read_claims(token)
    # Both names of the client may be there.
    told = {word: str(claims[claim]) for claim, word in _CLAIMS.items() if claims.get(claim)}
    words = [f"{word} {value}" for word, value in told.items()]
    return ", ".join([f"by {finder}", *words] if finder else words)


async def _get_token(credential: AsyncTokenCredential) -> tuple[str, str]:
    """A token, and the name of the credential of a chain that gave it; the chain takes the first that does, too."""
    if isinstance(credential, ChainedTokenCredential):
        for member in credential.credentials:
            try:
                return type(member).__name__, (await cast("AsyncTokenCredential", member).get_token(SCOPE)).token
            except ClientAuthenticationError:
                continue
    # A chain without any says best itself what each of its members met.
    return "", (await credential.get_token(SCOPE)).token


def _read_claims(token: str) -> dict[str, Any]:
    """What a token says of itself. It isn't verified: it was just given to us, and only a log line comes of it."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
