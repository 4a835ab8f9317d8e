import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.logs.quoting import escape, quote_if_needed


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("two words", "two words"),
        ("ü 漢 🙂", "ü 漢 🙂"),
        ('a"b\\c', 'a\\"b\\\\c'),
        ("\a\b\f\n\r\t\v", "\\a\\b\\f\\n\\r\\t\\v"),
        ("\x00\x1b[31m\x7f", "\\x00\\x1b[31m\\x7f"),
        ("\x85\xa0\u2028\ufeff", "\\u0085\\u00a0\\u2028\\ufeff"),
        ("\U000e0001", "\\U000e0001"),
        (b"caf\xe9".decode(errors="surrogateescape"), "caf\\xe9"),
        ("\ud800", "\\ud800"),
    ],
)
def test_escapes_are_those_of_go(text: str, escaped: str) -> None:
    """What `strconv.Quote` writes between the quotes; a lone surrogate, which Go has not, by its number."""
    assert escaped == escape(text)


@given(st.text(st.characters()))
def test_anything_fits_into_a_quoted_string_on_one_line(text: str) -> None:
    """No text ends its line or its quotes, moves a terminal's cursor, or can't be encoded."""
    escaped = escape(text)

    assert escaped.isprintable()
    assert '"' not in escaped.replace("\\\\", "").replace('\\"', "")
    assert escaped == escaped.encode().decode()


@pytest.mark.parametrize(
    ("text", "value"), [("", ""), ("a/b.c_d@e^f+g-1", "a/b.c_d@e^f+g-1"), ("a:1", '"a:1"'), ("a=b", '"a=b"')]
)
def test_only_what_needs_quotes_gets_them(text: str, value: str) -> None:
    """Words and paths stay as they are; anything else is quoted."""
    assert value == quote_if_needed(text)
