import base64
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.registry.errors import UploadUnknownError
from holdfast.registry.store.upload_state import UploadState, new_upload, seal, unseal

SECRET = b"secret"
STATE = UploadState(
    name="a/b", uuid="123", started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), stored=True, resume_token="t&=/?"
)


def sealed(payload: bytes, secret: bytes = SECRET) -> str:
    """Any payload, signed."""
    signature = hmac.digest(secret, payload, "sha256")
    return base64.urlsafe_b64encode(signature + payload).decode().rstrip("=")


@pytest.mark.parametrize("state", [STATE, new_upload("a/b"), new_upload("a/b", "sha512")])
def test_round_trip(state: UploadState) -> None:
    """What is sealed is unsealed the same, and is safe in a URL."""
    text = seal(state, SECRET)

    assert state == unseal(text, SECRET, name=state.name, uuid=state.uuid)
    assert text.replace("-", "").replace("_", "").isalnum()


def test_uploads_differ() -> None:
    """Every upload has an identity of its own."""
    assert new_upload("a").uuid != new_upload("a").uuid


@pytest.mark.parametrize(("name", "uuid"), [("a/c", "123"), ("a/b", "124"), ("", ""), ("123", "a/b")])
def test_of_another(name: str, uuid: str) -> None:
    """A state is good for its own repository and upload only."""
    with pytest.raises(UploadUnknownError):
        unseal(seal(STATE, SECRET), SECRET, name=name, uuid=uuid)


@pytest.mark.parametrize(
    "text",
    ["", "x", "=", "ä", "a b", "AAAA", seal(STATE, b"another"), seal(STATE, SECRET)[:-4], "A" * 10_000, sealed(b"")],
)
def test_not_ours(text: str) -> None:
    """What wasn't sealed with the secret is an unknown upload."""
    with pytest.raises(UploadUnknownError):
        unseal(text, SECRET, name=STATE.name, uuid=STATE.uuid)


@pytest.mark.parametrize("payload", [b"{", b"[]", b"\xff", b'{"name": 1}'])
def test_of_another_version(payload: bytes) -> None:
    """What was sealed with the secret and can't be read is an unknown upload as well."""
    with pytest.raises(UploadUnknownError):
        unseal(sealed(payload), SECRET, name=STATE.name, uuid=STATE.uuid)


@given(position=st.integers(0), bit=st.integers(0, 7))
def test_tampered(position: int, bit: int) -> None:
    """No bit of a sealed state can be changed."""
    text = seal(STATE, SECRET)
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[position % len(raw)] ^= 1 << bit
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")

    with pytest.raises(UploadUnknownError):
        unseal(changed, SECRET, name=STATE.name, uuid=STATE.uuid)
