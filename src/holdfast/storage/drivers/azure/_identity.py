"""Who we are at the store, for a log line: a registry that silently uses a broader identity is a trap."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

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
    claims = _read_claims((await credential.get_token(SCOPE)).token)
    # Both names of the client may be there.
    told = {word: str(claims[claim]) for claim, word in _CLAIMS.items() if claims.get(claim)}
    words = [f"{word} {value}" for word, value in told.items()]
    # A chain keeps to itself which of its members gave the token. Without that, the line says less.
    finder = getattr(credential, "_successful_credential", None)
    return ", ".join(words if finder is None else [f"by {type(finder).__name__}", *words])


def _read_claims(token: str) -> dict[str, Any]:
    """What a token says of itself. It isn't verified: it was just given to us, and only a log line comes of it."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
