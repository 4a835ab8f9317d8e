"""Certificates made on the fly, and clients that trust them."""

import datetime as dt
import ssl
from pathlib import Path

import httpx
import trustme

from holdfast.registry.server import TLSOptions
from holdfast.registry.server.tls import ClientAuth, TLSVersion


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str = "server", *, key_type: trustme.KeyType = trustme.KeyType.ECDSA) -> tuple[Path, Path]:
        """A certificate for this machine's loopback names, and its key."""
        return self._write(name, self.ca.issue_cert("localhost", "127.0.0.1", key_type=key_type))

    def issue_expired(self) -> tuple[Path, Path]:
        """One that was good for two days, until yesterday."""
        now = dt.datetime.now(dt.UTC)
        days = dt.timedelta(days=1)
        return self._write("expired", self.ca.issue_cert("localhost", not_before=now - 3 * days, not_after=now - days))

    def _write(self, name: str, leaf: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        key.write_bytes(leaf.private_key_pem.bytes())
        return certificate, key

    def options(
        self,
        *,
        key_type: trustme.KeyType = trustme.KeyType.ECDSA,
        minimum: TLSVersion = "tls1.2",
        client_cas: tuple[Path, ...] = (),
        client_auth: ClientAuth = "require-and-verify-client-cert",
        cipher_suites: tuple[str, ...] = (),
    ) -> TLSOptions:
        """A server's options with a new certificate."""
        certificate, key = self.issue(key_type=key_type)
        return TLSOptions(
            certificate=certificate,
            key=key,
            minimum=minimum,
            client_cas=client_cas,
            client_auth=client_auth,
            cipher_suites=cipher_suites,
        )

    def trusting(self, client: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """A client's side: trusts this authority, and shows a certificate if it has one."""
        context = ssl.create_default_context(cafile=self.file)
        if client is not None:
            context.load_cert_chain(*client)
        return context

    def client(self, *, http2: bool = False, certificate: tuple[Path, Path] | None = None) -> httpx.AsyncClient:
        """A real client."""
        return httpx.AsyncClient(verify=self.trusting(certificate), http2=http2, trust_env=False, timeout=10)
