"""A certificate for the loopback address, of an authority made on the spot."""

from dataclasses import dataclass
from pathlib import Path

import trustme

__all__ = ["Certificate", "issue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The files of a server's certificate, in PEM form.

    Attributes:
        chain: The certificate, for `localhost` and `127.0.0.1`.
        key: Its key.
        authority: What clients trust.
    """

    chain: Path
    key: Path
    authority: Path


def issue(folder: Path) -> Certificate:
    """Makes a certificate and writes its files into a folder."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1", key_type=trustme.KeyType.RSA)
    files = Certificate(chain=folder / "tls.crt", key=folder / "tls.key", authority=folder / "ca.crt")
    files.chain.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    files.key.write_bytes(leaf.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(files.authority))
    return files
