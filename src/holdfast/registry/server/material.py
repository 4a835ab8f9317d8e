"""Certificates and keys: read once, checked, and handed to the server as they were checked.

rustls ends the whole process when it can't use what it is given. So everything that can be said in words is checked
first, and then another process tries the very same bytes.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from holdfast.registry.server.ciphers import check_cipher_suites
from holdfast.registry.server.tls import TLSError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.x509 import Certificate

    from holdfast.registry.server.ciphers import KeyKind
    from holdfast.registry.server.tls import TLSOptions

__all__ = ["TLSMaterial", "load"]

_log = structlog.get_logger(__name__)

_KEY: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_REASON: Final = re.compile(r"`Err` value: ([^\n]*)")

_SOON: Final = timedelta(days=14)
_TRIAL_SECONDS: Final = 30.0

# Ends with 0 if a worker starts, and is aborted if it doesn't.
_TRIAL: Final = """
import asyncio, json, os, resource, socket, sys
from granian._futures import _new_cbscheduler
from granian._granian import ASGIWorker, SocketHolder, WorkerSignal
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
listener = socket.socket(socket.AF_UNIX)
listener.bind("")
holder = (None, SocketHolder(listener.detach(), True, 1))
worker = ASGIWorker(1, holder, None, 1, 1, 1, 30, 1, "auto", None, None, False, None, *json.loads(sys.argv[1]))
loop = asyncio.new_event_loop()
worker.serve_async_uds(_new_cbscheduler(loop, None, impl_asyncio=True), loop, WorkerSignal())
os._exit(0)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSMaterial:
    """What was read, in memory files that rustls reads.

    Attributes:
        expires: When the certificate does.
    """

    expires: datetime
    _arguments: tuple[Any, ...]
    _files: tuple[_MemoryFile, ...]

    def granian_arguments(self) -> tuple[Any, ...]:
        """What granian's workers are given: on, certificate, key, password, version, client CAs, CRLs, must verify.

        They are good for as long as the object is.
        """
        return self._arguments

    def open_files(self) -> tuple[int, ...]:
        """The open files that the arguments name by their numbers."""
        return tuple(file.number for file in self._files)


class _MemoryFile:
    """A file without a place on any disk; gone with the object, or the process."""

    number = -1

    def __init__(self, name: str, content: bytes) -> None:
        self.number = os.memfd_create(name)
        with open(self.number, "wb", closefd=False) as file:
            file.write(content)
        self.path = f"/proc/self/fd/{self.number}"

    def __del__(self) -> None:
        if self.number >= 0:
            os.close(self.number)


async def load(options: TLSOptions) -> TLSMaterial:
    """Read and check certificate, key and client CAs.

    Raises:
        TLSError: A file can't be read or isn't what it should be, key and certificate don't belong together, the
            certificate has expired, or the list of cipher suites can't be kept to.
    """
    try:
        material = await asyncio.to_thread(_read, options)
        await _try_out(material)
    except OSError as error:  # no memory, or no file or process more
        raise TLSError(f"http.tls: the certificate can't be tried out: {error}") from error
    left = material.expires - datetime.now(UTC)
    if left < _SOON:
        _log.warning("the certificate expires soon", certificate=str(options.certificate), days=left.days)
    return material


def _read(options: TLSOptions) -> TLSMaterial:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - the library takes a while to import

    try:
        return _checked(options)
    except UnsupportedAlgorithm as error:
        raise TLSError(f"http.tls: {options.certificate} or {options.key} is of an unknown kind: {error}") from error


def _checked(options: TLSOptions) -> TLSMaterial:
    if options.client_cas and options.client_auth in {"request-client-cert", "require-any-client-cert"}:
        raise TLSError(
            f"http.tls.clientauth: {options.client_auth} lets in whoever shows any certificate, which can't be done"
            " here; write verify-client-cert-if-given or require-and-verify-client-cert, or leave clientcas out"
        )
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    chain = _certificates(options.certificate, "http.tls.certificate")
    key = _private_key(options.key)
    if key.public_key() != chain[0].public_key():
        raise TLSError(f"http.tls.key: {options.key} isn't the key of the certificate in {options.certificate}")
    expires = chain[0].not_valid_after_utc
    if expires <= datetime.now(UTC):
        raise TLSError(f"http.tls.certificate: {options.certificate} expired on {expires:%Y-%m-%d %H:%M} UTC")
    check_cipher_suites(options.cipher_suites, minimum=options.minimum, kind=_kind(key, options.key))
    authorities = [each for path in options.client_cas for each in _certificates(path, "http.tls.clientcas")]
    pem = Encoding.PEM
    files = [
        _MemoryFile("certificate", b"".join(each.public_bytes(pem) for each in chain)),
        _MemoryFile("key", key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption())),
    ]
    if authorities:
        files.append(_MemoryFile("client-cas", b"".join(each.public_bytes(pem) for each in authorities)))
    certificate, private, *client_cas = (file.path for file in files)
    version = "tls1.3" if options.minimum == "tls1.3" else "tls1.2"
    must = options.client_auth == "require-and-verify-client-cert"
    arguments: tuple[Any, ...] = (
        True,
        certificate,
        private,
        None,
        version,
        client_cas[0] if client_cas else None,
        [],
        must,
    )
    return TLSMaterial(expires=expires, _arguments=arguments, _files=tuple(files))


def _certificates(path: Path, key: str) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - as above

    try:
        return load_pem_x509_certificates(_content(path, key))
    except ValueError as error:
        raise TLSError(f"{key}: {path} has no certificate in PEM form, or a damaged one") from error


def _private_key(path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    found = _KEY.search(_content(path, "http.tls.key"))
    if found is None:
        raise TLSError(f"http.tls.key: {path} has no private key in PEM form")
    try:
        return load_pem_private_key(found[0], None)
    except TypeError as error:
        raise TLSError(f"http.tls.key: {path} is encrypted, and there is no way to give its password") from error
    except ValueError as error:  # a kind that isn't known is one, too
        raise TLSError(f"http.tls.key: {path} has a damaged private key, or one of an unknown kind") from error


def _kind(key: Any, path: Path) -> KeyKind:
    """What the key signs with, if rustls takes it."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415 - as above

    if isinstance(key, rsa.RSAPrivateKey) and 2048 <= key.key_size <= 4096:
        return "RSA"
    curves = (ec.SECP256R1, ec.SECP384R1)
    if isinstance(key, ed25519.Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, curves)
    ):
        return "ECDSA"
    raise TLSError(
        f"http.tls.key: {path} is of a kind that can't be served with; make an RSA key of 2048 to 4096 bits, an ECDSA"
        " key on P-256 or P-384, or an Ed25519 key"
    )


def _content(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TLSError(f"{key}: cannot read {path}: {reason}") from error


async def _try_out(material: TLSMaterial) -> None:
    arguments = json.dumps(material.granian_arguments())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _TRIAL, arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=material.open_files(),
    )
    try:
        async with asyncio.timeout(_TRIAL_SECONDS):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise TLSError(f"http.tls: trying out the certificate took over {_TRIAL_SECONDS:.0f} seconds") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise TLSError(f"http.tls: the certificate, the key or a client CA can't be served with: {_refusal(said)}")


def _refusal(said: bytes) -> str:
    """The reason in a message of Rust's, `called ... on an `Err` value: REASON`; else its last line."""
    text = said.decode(errors="replace").strip()
    found = _REASON.search(text)
    return found[1].strip() if found else (text.splitlines() or ["it gave no reason"])[-1]
