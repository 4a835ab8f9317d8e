"""Whatever a file and variables hold, the outcome is a configuration or one line."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.config import Configuration, parse, unhonoured
from holdfast.config.effective import settings as effective
from holdfast.config.effective import to_yaml
from holdfast.config.file import read_bytes
from holdfast.config.schema import Shape, file_keys
from holdfast.storage.errors import ConfigurationError


def _outcome(data: bytes, variables: Mapping[str, str]) -> Configuration | str:
    """What comes of it, shown and judged; any other error than ours is the test's failure."""
    try:
        reading = read_bytes(data, variables)
        configuration = reading.usable()
        unhonoured(configuration)
        to_yaml(effective(reading))
    except ConfigurationError as error:
        return str(error)
    return configuration


def _keys(shape: Shape) -> Iterator[str]:
    inner = shape.section or (shape.items and shape.items.section)
    for key in file_keys(inner).values() if inner else ():
        yield key.name
        yield from _keys(key.shape)


_KEYS = sorted({*_keys(Shape(section=Configuration)), "box", "inmemory", "0", ""})
_WORDS = [*(word for name in _KEYS for word in (name.upper(),)), "FILECHECKERS", "7", ""]
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["1h", ":5000", "a:1", "http://a", "tls1.2", "inmemory", "mail", "list", "5MiB", "(", "*a", "\x00", "0.1"]
    ),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), below, max_size=4),
    max_leaves=12,
)
_SECTIONS = st.dictionaries(st.sampled_from(list(file_keys(Configuration))), _VALUES, max_size=5)
_VARIABLES = st.dictionaries(
    st.lists(st.sampled_from(_WORDS), min_size=1, max_size=6).map(lambda words: "_".join(["REGISTRY", *words])),
    st.one_of(st.text(max_size=20), _VALUES.map(yaml.safe_dump)),
    max_size=4,
)


@settings(deadline=None, max_examples=150)
@given(_SECTIONS, _VARIABLES)
@example({"storage": "\n"}, {})
def test_any_values_come_to_a_configuration_or_one_line(content: dict[str, Any], variables: dict[str, str]) -> None:
    """Values of any kind in any place, in the file and in variables, never end in a traceback."""
    data = yaml.safe_dump({"version": "0.1", "storage": "inmemory"} | content).encode()

    actual = _outcome(data, variables)

    assert isinstance(actual, Configuration) or "\n" not in actual


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_come_to_one_line(data: bytes) -> None:
    """A file of anything never ends in a traceback."""
    actual = _outcome(data, {})

    assert isinstance(actual, str)


@pytest.mark.parametrize("deep", [100, 200, 300, 450, 5_000])
def test_depth_has_an_end(deep: int) -> None:
    """However deep a variable's name or value goes, the outcome is a configuration or one line."""
    base = b"version: 0.1\nstorage: inmemory"
    value = "[" * deep + "]" * deep

    by_name = _outcome(base, {"REGISTRY_LOG_FIELDS" + "_A" * deep: "b"})
    by_value = _outcome(base, {"REGISTRY_LOG_FIELDS_A": value})
    by_file = _outcome(base + f"\nlog: {{fields: {{a: {value}}}}}".encode(), {})

    assert f"REGISTRY_LOG_FIELDS{'_A' * deep}: the file: has more than 64 words in its name" == by_name
    assert all(isinstance(found, Configuration) or "nested too deeply" in found for found in (by_value, by_file))


def test_a_secret_in_a_wrong_variable_is_not_told() -> None:
    """Whatever is wrong with what a variable says, a message doesn't quote it."""
    for value in ("[hush]", "{hush: hush}", "*hush", "hush: hush: hush", "- hush", "'hush", "%hush", "hush\x07"):
        with pytest.raises(ConfigurationError) as caught:
            parse(b"version: 0.1\nstorage: inmemory", {"REGISTRY_HTTP_SECRET": value})

        assert "hush" not in str(caught.value)
