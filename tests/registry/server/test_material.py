import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from structlog.testing import capture_logs
from trustme import KeyType

from holdfast.registry.server import TLSError, TLSOptions
from holdfast.registry.server import material as material_module
from holdfast.registry.server.material import load
from holdfast.registry.server.tls import ClientAuth
from tests.registry.certificates import Authority

pytestmark = pytest.mark.anyio


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A new certificate authority."""
    return Authority(tmp_path)


async def _refusal(options: TLSOptions) -> str:
    with pytest.raises(TLSError) as caught:
        await load(options)

    assert 1 == len(str(caught.value).splitlines())

    return str(caught.value)


async def test_missing_files_are_named(authority: Authority, tmp_path: Path) -> None:
    """A file that isn't there is named with the key that names it, in one line."""
    certificate, key = authority.issue()
    none = tmp_path / "none.pem"

    assert f"http.tls.certificate: cannot read {none}: no such file or directory" == await _refusal(
        TLSOptions(certificate=none, key=key)
    )
    assert f"http.tls.key: cannot read {none}: no such file or directory" == await _refusal(
        TLSOptions(certificate=certificate, key=none)
    )
    assert f"http.tls.clientcas: cannot read {tmp_path}: is a directory" == await _refusal(
        TLSOptions(certificate=certificate, key=key, client_cas=(tmp_path,))
    )


@pytest.mark.parametrize("how", ["request-client-cert", "require-any-client-cert"])
async def test_ways_to_check_clients_that_check_nothing_are_refused(authority: Authority, how: ClientAuth) -> None:
    """A way that the server doesn't have is an error where it would count, and means nothing without authorities."""
    said = await _refusal(authority.options(client_cas=(authority.file,), client_auth=how))

    assert said.startswith(f"http.tls.clientauth: {how} lets in whoever shows any certificate")
    assert 2 == len((await load(authority.options(client_auth=how))).open_files())


async def test_key_of_another_certificate_is_refused(authority: Authority) -> None:
    """A key that doesn't belong to the certificate is an error naming both."""
    (certificate, _), (_, key) = authority.issue("one"), authority.issue("two")

    expected = f"http.tls.key: {key} isn't the key of the certificate in {certificate}"
    assert expected == await _refusal(TLSOptions(certificate=certificate, key=key))


async def test_expired_certificate_is_refused(authority: Authority) -> None:
    """A certificate that nobody would accept any more isn't served, and the error says since when."""
    certificate, key = authority.issue_expired()

    said = await _refusal(TLSOptions(certificate=certificate, key=key))
    assert said.startswith(f"http.tls.certificate: {certificate} expired on 20")
    assert said.endswith(" UTC")


@pytest.mark.parametrize("content", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
async def test_damaged_files_are_refused(authority: Authority, content: str) -> None:
    """What is no PEM file, or no certificate, is an error that names the file."""
    options = authority.options(client_cas=(authority.file,))
    options.certificate.write_text(content)

    expected = f"{options.certificate} has no certificate in PEM form, or a damaged one"
    assert f"http.tls.certificate: {expected}" == await _refusal(options)

    options = authority.options(client_cas=(authority.file,))
    options.key.write_text(content)

    assert f"http.tls.key: {options.key} has no private key in PEM form" == await _refusal(options)

    options = authority.options(client_cas=(authority.file,))
    authority.file.write_text(content)

    expected = f"{authority.file} has no certificate in PEM form, or a damaged one"
    assert f"http.tls.clientcas: {expected}" == await _refusal(options)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey, password: bytes | None) -> None:
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection))


async def test_encrypted_key_is_refused(authority: Authority) -> None:
    """A key with a password is said to be one, as nobody can type it in."""
    options = authority.options()
    _write_key(options.key, ec.generate_private_key(ec.SECP256R1()), b"password")

    expected = f"http.tls.key: {options.key} is encrypted, and there is no way to give its password"
    assert expected == await _refusal(options)


_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


def _self_signed(folder: Path, key: _Key) -> TLSOptions:
    """A certificate of any kind of key, as `openssl req -x509` makes it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    modern = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + 2 * material_module._SOON)
        .sign(key, None if modern else hashes.SHA256())
    )
    options = TLSOptions(certificate=folder / "certificate.pem", key=folder / "key.pem")
    options.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    options.key.write_bytes(plain)
    return options


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65537, 2048),
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate,
    ],
    ids=["RSA", "P-256", "P-384", "Ed25519"],
)
async def test_kinds_of_keys_that_are_promised_are_taken(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 it makes a key
    """Every kind of key that the error message recommends passes the trial."""
    material = await load(_self_signed(tmp_path, make()))

    assert material.expires > datetime.now(UTC)


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65537, 1024),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        ed448.Ed448PrivateKey.generate,
    ],
    ids=["RSA-1024", "P-521", "Ed448"],
)
async def test_kinds_of_keys_that_rustls_lacks_are_refused(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 it makes a key
    """A kind of key that would end the process is an error that says which kinds there are."""
    options = _self_signed(tmp_path, make())

    assert (await _refusal(options)).startswith(f"http.tls.key: {options.key} is of a kind that can't be served with")


async def test_kind_of_key_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """A kind of key that not even the library that reads it knows is an error in one line, too."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl isn't installed")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = (
        "req",
        "-x509",
        "-newkey",
        "sm2",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-keyout",
        key,
        "-out",
        certificate,
    )
    subprocess.run(["openssl", *command], check=True, capture_output=True)  # noqa: ASYNC221 the test's own

    said = await _refusal(TLSOptions(certificate=certificate, key=key))
    assert said.startswith(f"http.tls: {certificate} or {key} is of an unknown kind: ")


async def test_what_only_rustls_refuses_is_an_error_too(tmp_path: Path) -> None:
    """A certificate of X.509's first version, which other libraries take, is refused before it ends the process."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl isn't installed")
    request, certificate, key = tmp_path / "request.pem", tmp_path / "old.pem", tmp_path / "old-key.pem"
    subject = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost")
    steps = (
        (*subject, "-keyout", str(key), "-out", str(request)),
        ("x509", "-req", "-in", str(request), "-signkey", str(key), "-days", "30", "-out", str(certificate)),
    )
    for step in steps:
        subprocess.run(["openssl", *step], check=True, capture_output=True)  # noqa: ASYNC221 the test's own

    said = await _refusal(TLSOptions(certificate=certificate, key=key))
    assert said.endswith("can't be served with: InvalidCertificate(Other(OtherError(UnsupportedCertVersion)))")


async def test_machine_without_room_for_a_trial_is_an_error_that_is_said(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no process can be started, a renewal fails in words, and doesn't end the server."""

    async def refuse(*_args: object, **_kwargs: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("asyncio.create_subprocess_exec", refuse)

    expected = "http.tls: the certificate can't be tried out: [Errno 11] Resource temporarily unavailable"
    assert expected == await _refusal(authority.options())


@pytest.mark.parametrize("key_type", list(KeyType))
async def test_certificate_that_expires_soon_is_logged(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, key_type: KeyType
) -> None:
    """Whoever reads the log knows in time."""
    options = authority.options(key_type=key_type)
    with capture_logs() as logs:
        await load(options)
        monkeypatch.setattr(material_module, "_SOON", 1000000 * material_module._SOON)
        await load(options)

    assert ["the certificate expires soon"] == [entry["event"] for entry in logs]


async def test_key_and_certificate_may_share_a_file(authority: Authority) -> None:
    """One file with key and certificate, as some tools write it, is taken for both."""
    options = authority.options()
    both = options.key.read_bytes() + options.certificate.read_bytes()
    options.certificate.write_bytes(both)

    material = await load(TLSOptions(certificate=options.certificate, key=options.certificate))

    assert 2 == len(material.open_files())
