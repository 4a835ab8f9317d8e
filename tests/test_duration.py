import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdfast.duration import Duration, format_duration, parse_duration

_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", timedelta()),
        ("-0", timedelta()),
        ("+0", timedelta()),
        ("0s", timedelta()),
        ("30s", 30 * _SECOND),
        ("1m30s", 90 * _SECOND),
        ("1.5h", 5400 * _SECOND),
        (".5s", _SECOND / 2),
        ("1.s", _SECOND),
        ("100ms", _SECOND / 10),
        ("7us", timedelta(microseconds=7)),
        ("7µs", timedelta(microseconds=7)),
        ("7\u03bcs", timedelta(microseconds=7)),
        ("1999ns", timedelta(microseconds=1)),
        ("+3s", 3 * _SECOND),
        ("-3s", -3 * _SECOND),
        ("1h1h", 7200 * _SECOND),
        ("168h", timedelta(days=7)),
    ],
)
def test_reads_what_go_reads(text: str, expected: timedelta) -> None:
    """Every form that Go's ParseDuration takes has the same value here."""
    actual = parse_duration(text)

    assert expected == actual


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("-", "is empty"),
        ("30", "'30' lacks a unit"),
        ("1m30", "'1m30' lacks a unit"),
        ("3d", "unknown unit 'd'"),
        ("3 s", "unknown unit ' s'"),
        ("30S", "unknown unit 'S'"),
        (".s", "isn't a duration"),
        ("s", "isn't a duration"),
        ("--3s", "isn't a duration"),
        ("three seconds", "isn't a duration"),
        ("1e3s", "unknown unit 'e'"),
        ("\u0663s", "isn't a duration"),
        ("9999999h", "at most 292 years"),
    ],
)
def test_refuses_what_go_refuses(text: str, reason: str) -> None:
    """What Go's ParseDuration refuses is refused, with the reason."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(days=-100_000), max_value=timedelta(days=100_000)))
def test_what_is_written_is_read_back(duration: timedelta) -> None:
    """A duration survives being written and read."""
    actual = parse_duration(format_duration(duration))

    assert duration == actual


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(), "0s"),
        (90 * _SECOND, "1m30s"),
        (5400 * _SECOND, "1h30m"),
        (_SECOND * 1.5, "1.5s"),
        (_SECOND / 100, "10ms"),
        (-_SECOND / 1_000_000, "-1us"),
        (_SECOND + timedelta(microseconds=1), "1.000001s"),
        (-3 * _SECOND, "-3s"),
    ],
)
def test_is_written_shortly(duration: timedelta, expected: str) -> None:
    """A duration is written without zero parts."""
    actual = format_duration(duration)

    assert expected == actual


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", timedelta()), ("1000000", timedelta(milliseconds=1)), ("30000000000", 30 * _SECOND), ("1m", 60 * _SECOND)],
)
def test_a_bare_number_is_nanoseconds(text: str, expected: timedelta) -> None:
    """In the configuration, a number without a unit means what it means to Distribution."""
    actual = TypeAdapter(Duration).validate_python(text)

    assert expected == actual


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("30", "'30' lacks a unit, and would be nanoseconds; write for instance 30s"),
        ("999999", "'999999' lacks a unit"),
        ("9" * 19, "at most 292 years"),
        ("9" * 5000, "at most 292 years"),
        ("-1s", "a duration can't be negative here"),
    ],
)
def test_a_bare_number_that_is_meant_for_seconds_is_refused(text: str, reason: str) -> None:
    """What would be less than a millisecond is a unit that was forgotten; nothing is negative, or endless."""
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(Duration).validate_python(text)
