"""The operator's keys: each wraps the keys of files, and encrypts no content itself."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.storage.errors import AccessDeniedError, UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEY_BYTES", "MAX_ID_BYTES", "WRAPPED_BYTES", "Keys"]

KEY_BYTES: Final = 32
"""Of AES-256."""

MAX_ID_BYTES: Final = 32

WRAPPED_BYTES: Final = 12 + KEY_BYTES + 16
"""A nonce, the key of a file, a tag."""

_is_id = re.compile(r"[A-Za-z0-9._-]{1,32}\Z").match


class Keys:
    """Keys by id. The first one wraps the keys of new files, each of them unwraps those that it wrapped.

    Args:
        keys: Id to key, the one for new files first.

    Raises:
        ValueError: There is none, an id isn't made of 1 to 32 of `[A-Za-z0-9._-]`, or a key hasn't 32 bytes.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("there is no key")
        for name, key in keys.items():
            if _is_id(name) is None:
                raise ValueError("the id of a key has 1 to 32 of the characters A-Z, a-z, 0-9, '.', '_' and '-'")
            if len(key) != KEY_BYTES:
                raise ValueError(f"the key {name!r} isn't one of {KEY_BYTES} bytes in Base64")
        self.first = next(iter(keys))
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}

    def __repr__(self) -> str:
        """Their ids, never the keys."""
        return f"Keys({', '.join(self._ciphers)})"

    @classmethod
    def parse(cls, text: str) -> Keys:
        """Read keys, one a line: its id, a space, 32 bytes in Base64. Empty lines and those with `#` are passed over.

        Raises:
            ValueError: A line is something else, an id is there twice, or there is no key. The text isn't quoted.
        """
        keys: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            parts = line.split()
            if not parts or parts[0].startswith("#"):
                continue
            if len(parts) != 2:
                raise ValueError(f"line {number} isn't an id and a key")
            if parts[0] in keys:
                raise ValueError(f"line {number} has an id that another line has")
            try:
                keys[parts[0]] = base64.b64decode(parts[1], validate=True)
            except binascii.Error:
                raise ValueError(f"the key in line {number} isn't Base64") from None
        return cls(keys)

    @classmethod
    def read(cls, path: str) -> Keys:
        """Read keys from a file.

        Raises:
            ValueError: It can't be read, or isn't as `parse` wants it.
        """
        try:
            return cls.parse(Path(path).read_text(encoding="ascii"))
        except OSError as error:
            raise ValueError(f"the file can't be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise ValueError("the file isn't text") from None

    @classmethod
    def from_environment(cls, name: str) -> Keys:
        """Read keys from a variable of the environment; there, a `,` ends a line as well.

        Raises:
            ValueError: It isn't set, or isn't as `parse` wants it.
        """
        text = os.environ.get(name)
        if text is None:
            raise ValueError("the variable isn't set")
        return cls.parse(text.replace(",", "\n"))

    def wrap(self, key: bytes, name: str, about: bytes) -> bytes:
        """Encrypt the key of a file under the key of an id, bound to what stands beside it."""
        nonce = secrets.token_bytes(12)
        return nonce + self._ciphers[name].encrypt(nonce, key, about)

    def unwrap(self, wrapped: bytes, name: str, about: bytes) -> bytes:
        """Return the key of a file.

        Raises:
            AccessDeniedError: There is no key of that id.
            UnexpectedStorageError: The key of that id isn't the one, or the file was tampered with.
        """
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise AccessDeniedError(f"encrypted with the key {name!r}, which isn't configured")
        try:
            return cipher.decrypt(wrapped[:12], wrapped[12:], about)
        except InvalidTag as error:
            message = f"the key {name!r} is another one than that which encrypted this, or this is damaged"
            raise UnexpectedStorageError(message) from error
