r"""Text from anywhere, made fit for one line: what isn't printable is written as an escape sequence of Go's.

The rules are those of Go's `strconv.Quote`, which Distribution's log lines and access lines are quoted by. Bytes that
are not UTF-8 are expected as Python's `surrogateescape` decodes them, and come out as `\xNN`.
"""

from __future__ import annotations

import re

__all__ = ["escape", "quote_if_needed"]

_NAMED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}

# Of the rest, logrus quotes a value that has any.
_UNQUOTED = re.compile(r"[A-Za-z0-9._/@^+-]*")


def escape(text: str) -> str:
    """Return text that has no control character, no unescaped `"` or backslash, and can be encoded."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(map(_escape, text))


def quote_if_needed(text: str) -> str:
    """Return text as the value of a `key=value` pair; empty text stays empty."""
    return text if _UNQUOTED.fullmatch(text) else f'"{escape(text)}"'


def _escape(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    if character.isprintable():
        return character
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
