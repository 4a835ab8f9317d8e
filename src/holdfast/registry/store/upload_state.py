"""What an upload's location carries: all that another process, or this one after a restart, must know of it.

The state travels with the client, signed, so that no replica has to remember it and nobody can forge it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from holdfast.registry.errors import UploadUnknownError
from holdfast.registry.model.digest import CANONICAL

__all__ = ["UploadState", "is_upload_id", "new_upload", "seal", "unseal"]

_matches_id = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z").match


class UploadState(msgspec.Struct, frozen=True, omit_defaults=True):
    """An upload, as its location describes it.

    Attributes:
        name: The repository.
        uuid: The upload's identity.
        started: When it began.
        stored: Whether storage has anything of it; before that, it exists in its location alone.
        algorithm: What its content is hashed with while it arrives.
        resume_token: What the driver needs to continue it without searching.
    """

    name: str
    uuid: str
    started: datetime
    stored: bool = False
    algorithm: str = CANONICAL
    resume_token: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(UploadState).decode
_MAX_SEALED = 8192
_SIGNATURE_BYTES = 32


def is_upload_id(text: str) -> bool:
    """Whether the text is an upload's identity, as written here and by Distribution: nothing else is its directory."""
    return _matches_id(text) is not None


def new_upload(name: str, algorithm: str = CANONICAL) -> UploadState:
    """Begin an upload. Nothing is stored."""
    return UploadState(name=name, uuid=str(uuid4()), started=datetime.now(UTC), algorithm=algorithm)


def seal(state: UploadState, secret: bytes) -> str:
    """Turn a state into URL-safe text that only this secret's holders can make."""
    payload = _encode(state)
    signature = hmac.digest(secret, payload, "sha256")
    return base64.urlsafe_b64encode(signature + payload).decode("ascii").rstrip("=")


def unseal(text: str, secret: bytes, *, name: str, uuid: str) -> UploadState:
    """Read a sealed state.

    Raises:
        UploadUnknownError: It wasn't sealed with this secret, or is another repository's or upload's.
    """
    try:
        if len(text) > _MAX_SEALED:
            raise UploadUnknownError("the upload's state is too long")
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        payload = sealed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(sealed[:_SIGNATURE_BYTES], hmac.digest(secret, payload, "sha256")):
            raise UploadUnknownError("the upload's state isn't signed with this registry's secret")
        state = _decode(payload)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise UploadUnknownError("the upload's state can't be read") from error
    if (state.name, state.uuid) != (name, uuid):
        raise UploadUnknownError("the upload's state belongs to another upload")
    return state
