from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.storage.errors import StorageError
from holdfast.storage.middleware.encrypt.keys import Keys
from holdfast.storage.middleware.encrypt.sealing import (
    HEADER_BYTES,
    SEALED_BYTES,
    SLOT_BYTES,
    BrokenSealError,
    FileKey,
    content_bytes,
    content_limit,
    has_map,
    opened,
    sealed,
)
from holdfast.testing.suite.acts import random_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

_KEYS = Keys.parse(f"one {base64.b64encode(b'1' * 32).decode()}")
_AROUND = [0, 1, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, 2 * SLOT_BYTES, 3 * SLOT_BYTES + 7]


@pytest.mark.parametrize("size", _AROUND)
def test_sizes_are_arithmetic(size: int) -> None:
    """From the length of a file follows that of its content, and that it has no map."""
    file = sealed(_KEYS, random_bytes(size))

    assert size == content_bytes(len(file))
    assert not has_map(len(file))
    assert size == content_limit(len(file))
    assert random_bytes(size) == opened(_KEYS, file)


def test_same_content_is_encrypted_differently_each_time() -> None:
    """Two files with the same content have nothing in common behind what every file begins with."""
    one, two = sealed(_KEYS, b"content"), sealed(_KEYS, b"content")

    assert one[HEADER_BYTES:] != two[HEADER_BYTES:]


def test_same_content_in_two_slots_is_encrypted_differently() -> None:
    """No two slots have a nonce in common: equal parts of a file don't show, and no key stream is used twice."""
    slots = _slots(sealed(_KEYS, bytes(2 * SLOT_BYTES)))

    assert slots[0][:1000] != slots[1][:1000]


def test_the_last_slot_is_no_other() -> None:
    """A slot says whether the content ends with it, whatever its length."""
    key = FileKey.new(_KEYS)
    for is_last in (True, False):
        with pytest.raises(BrokenSealError):
            key.open(0, 0, key.seal(0, 0, b"content", is_last=is_last), is_last=not is_last)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([0, 5, SLOT_BYTES, SLOT_BYTES + 9]), st.data())
def test_any_changed_byte_is_found_out(size: int, data: st.DataObject) -> None:
    """A file of which any bit was changed doesn't open."""
    file = bytearray(sealed(_KEYS, random_bytes(size)))
    file[data.draw(st.integers(0, len(file) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(StorageError):
        opened(_KEYS, file)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 3 * SLOT_BYTES + 9 + HEADER_BYTES + 4 * 16 - 1))
def test_a_file_cut_off_anywhere_is_found_out(length: int) -> None:
    """A file that lost its end doesn't open, also where that was cut between slots."""
    file = sealed(_KEYS, random_bytes(3 * SLOT_BYTES + 9))

    with pytest.raises(StorageError):
        opened(_KEYS, file[:length])


def _slots(file: bytes) -> list[bytes]:
    return [file[at : at + SEALED_BYTES] for at in range(HEADER_BYTES, len(file), SEALED_BYTES)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda slots, _: [slots[1], slots[0], *slots[2:]], id="swapped"),
        pytest.param(lambda slots, _: [slots[0], slots[0], *slots[2:]], id="repeated"),
        pytest.param(lambda slots, _: [slots[0], *slots[2:]], id="missing"),
        pytest.param(lambda slots, _: [*slots[:2], *slots[1:]], id="added"),
        pytest.param(lambda slots, other: [slots[0], other[1], *slots[2:]], id="of another file"),
        pytest.param(lambda slots, _: slots[:2], id="the last one missing"),
    ],
)
def test_slots_stay_where_they_are(change: Callable[[list[bytes], list[bytes]], list[bytes]]) -> None:
    """Slots that are moved, repeated, left out or taken from another file don't open."""
    file, other = (sealed(_KEYS, random_bytes(2 * SLOT_BYTES + 10, seed)) for seed in range(2))
    changed = file[:HEADER_BYTES] + b"".join(change(_slots(file), _slots(other)))

    with pytest.raises(StorageError):
        opened(_KEYS, changed)
