"""Who gives tokens, as small services on loopback: Entra's token endpoint and a machine's metadata.

Nothing real runs here: what they are asked is recorded, and their tokens are unsigned, which Azurite takes.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from tests.services.stores.certificate import issue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Identities", "token"]


def token(**claims: str) -> str:
    """A token for storage that says of its owner what the claims say, good for an hour."""
    now = int(time.time())
    payload = {"aud": "https://storage.azure.com", "iss": "https://sts.windows.net/tenant/", "nbf": now - 60}
    parts = [{"alg": "none", "typ": "JWT"}, payload | {"iat": now, "exp": now + 3600} | claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, base64.urlsafe_b64encode(b"unsigned").rstrip(b"=").decode()])


@dataclass(slots=True)
class Identities:
    """The services.

    Attributes:
        login: The address of the token endpoint, https.
        metadata: The address of the machine's metadata, http.
        authority: The file that clients of the token endpoint trust.
        asked: The forms and queries so far.
        refuse: Answer that there is no such identity.
    """

    login: str = ""
    metadata: str = ""
    authority: Path = Path()
    asked: list[dict[str, str]] = field(default_factory=list)
    refuse: bool = False

    @classmethod
    @asynccontextmanager
    async def start(cls, folder: Path) -> AsyncIterator[Identities]:
        """Serve on loopback.

        Args:
            folder: For the certificate.
        """
        identities = cls()
        certificate = issue(folder)
        identities.authority = certificate.authority
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.chain, certificate.key)
        application = web.Application()
        application.router.add_post("/{tenant}/oauth2/v2.0/token", identities.log_in)
        application.router.add_get("/metadata/identity/oauth2/token", identities.tell)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            identities.login, identities.metadata = (
                f"{scheme}://127.0.0.1:{address[1]}"
                for scheme, address in zip(("https", "http"), runner.addresses, strict=True)
            )
            yield identities
        finally:
            await runner.cleanup()

    async def log_in(self, request: web.Request) -> web.Response:
        """Give a token to an application: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form | {"tenant": request.match_info["tenant"]})
        if self.refuse:
            refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}
            return web.json_response(refusal, status=401)
        given = token(appid=form["client_id"], oid="object", tid=request.match_info["tenant"])
        return web.json_response({"access_token": given, "expires_in": 3600, "token_type": "Bearer"})

    async def tell(self, request: web.Request) -> web.Response:
        """Give a token to a machine: https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token."""
        self.asked.append({**request.query, "metadata": request.headers.get("Metadata", "")})
        if self.refuse:
            return web.json_response({"error": "invalid_request", "error_description": "not found"}, status=400)
        client = request.query.get("client_id", "machine")
        given = token(appid=client, oid="object", tid="tenant", xms_mirid="/machines/one")
        expires = str(int(time.time()) + 3600)
        told = {"access_token": given, "expires_on": expires, "token_type": "Bearer", "resource": "storage"}
        return web.json_response(told)
