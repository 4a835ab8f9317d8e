from dataclasses import dataclass, field
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.drivers._objectstore.bucket import BucketLimits
from holdfast.storage.drivers._objectstore.parts import PartPlan
from holdfast.storage.errors import StorageFullError
from holdfast.testing.suite.examples import example_settings

_MIB, _GIB, _TIB = 1024**2, 1024**3, 1024**4

_S3 = BucketLimits(
    min_part=5 * _MIB, max_part=5 * _GIB, max_parts=10_000, max_put=5 * _GIB, max_object=5 * _TIB, copy_part=5 * _GIB
)
_AZURE = BucketLimits(
    min_part=1, max_part=4000 * _MIB, max_parts=50_000, max_put=5000 * _MIB, max_object=50_000 * 4000 * _MIB
)
_GCS = BucketLimits(min_part=1, max_part=5 * _TIB, max_parts=32**3, max_put=5 * _TIB, max_object=5 * _TIB)
_R2 = BucketLimits(
    min_part=5 * _MIB, max_part=5 * _GIB, max_parts=10_000, max_put=5 * _GIB, max_object=5 * _TIB, equal_parts=True
)
_STORES = {"s3": _S3, "azure": _AZURE, "gcs": _GCS}

_stores = pytest.mark.parametrize("limits", _STORES.values(), ids=_STORES)


@dataclass
class _Upload:
    """An upload as a writer makes one, in numbers only: the bytes that were accepted, and how they are cut."""

    limits: BucketLimits
    chunksize: int
    parts: list[int] = field(default_factory=list)
    sent: int = 0
    tail: int = 0

    def reopen(self, chunksize: int) -> None:
        """Go on with another configuration."""
        self.chunksize = chunksize

    def write(self, size: int) -> None:
        """Accept bytes, and send what makes a part."""
        plan = PartPlan(self.limits, self.chunksize)
        while size:
            target = self._target(plan)
            taken = min(size, max(0, target - self.tail))
            self.tail += taken
            size -= taken
            if self.tail >= target:
                self._send()

    def close(self) -> None:
        """Send the rest if it may be a part of its own; otherwise it is kept to be gone on with."""
        if PartPlan(self.limits, self.chunksize).may_end_early(len(self.parts) + 1, self.tail):
            self._send()

    def end_early(self) -> None:
        """Go through as many sessions that end in a part of its own as there can be."""
        least = _least(self.limits)
        while PartPlan(self.limits, self.chunksize).may_end_early(len(self.parts) + 1, least):
            self.write(least)
            self.close()

    def _target(self, plan: PartPlan) -> int:
        return plan.next_size(len(self.parts) + 1, self.sent, first=self.parts[0] if self.parts else None)

    def _send(self) -> None:
        self.parts.append(self.tail)
        self.sent += self.tail
        self.tail = 0

    def check(self) -> None:
        """Assert that the store takes all this."""
        sizes = [*self.parts, self.tail] if self.tail else self.parts

        assert len(sizes) <= self.limits.max_parts
        assert all(self.limits.min_part <= size for size in sizes[:-1])
        assert all(size <= self.limits.max_part for size in sizes)
        assert not self.limits.equal_parts or len(set(sizes[:-1])) <= 1


def _least(limits: BucketLimits) -> int:
    """What a session has to hold to end in a part of its own."""
    return max(limits.min_part, _MIB)


@_stores
@pytest.mark.parametrize("chunksize", [1, _MIB, 5 * _MIB, 10 * _MIB, 64 * _MIB])
def test_five_tebibytes_fit(limits: BucketLimits, chunksize: int) -> None:
    """The largest object of most stores fits into the parts that there may be, whatever the chunksize."""
    upload = _Upload(limits, chunksize)
    upload.write(5 * _TIB)

    assert upload.sent + upload.tail == 5 * _TIB
    upload.check()


@_stores
@pytest.mark.parametrize("chunksize", [1, 10 * _MIB])
def test_five_tebibytes_fit_after_many_sessions(limits: BucketLimits, chunksize: int) -> None:
    """It fits as well where as many parts as may end early have ended at the least size for that."""
    upload = _Upload(limits, chunksize)
    upload.end_early()
    upload.write(5 * _TIB - upload.sent)

    assert upload.sent + upload.tail == 5 * _TIB
    assert set(upload.parts[: limits.max_parts // 10]) == {_least(limits)}
    upload.check()


@_stores
@pytest.mark.parametrize("chunk", [1, 300_000, 5_000_000, 5 * _MIB, 100_000_000])
def test_many_sessions(limits: BucketLimits, chunk: int) -> None:
    """Ten gigabytes in chunks that each are a session of their own, as `docker push` may send them, are no problem."""
    upload = _Upload(limits, 10 * _MIB)
    for _ in range(min(10_000_000_000 // chunk, 40_000)):
        upload.write(chunk)
        upload.close()
        assert upload.tail <= 11 * _MIB

    assert all(size >= _least(limits) for size in upload.parts)
    upload.check()


@example_settings(100)
@given(
    st.sampled_from([*_STORES.values(), _R2]),
    st.lists(
        st.tuples(
            st.sampled_from([1, _MIB, 5 * _MIB, 10 * _MIB, 33 * _MIB, 10 * _TIB]),
            st.lists(st.integers(0, 100 * _MIB) | st.integers(0, 40 * _GIB), max_size=3),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_any_sessions(limits: BucketLimits, sessions: list[tuple[int, list[int]]]) -> None:
    """Whatever is written in whatever sessions of whatever configurations, the store takes the parts."""
    upload = _Upload(limits, 5 * _MIB)
    for chunksize, writes in sessions:
        upload.reopen(chunksize)
        try:
            for size in writes:
                upload.write(size)
        except StorageFullError:
            assert limits.equal_parts
            return
        upload.close()

    assert upload.sent + upload.tail == sum(size for _, writes in sessions for size in writes)
    upload.check()


def test_equal_parts_stay_equal() -> None:
    """Where all parts must be equal they have the first one's size, in later sessions of another chunksize, too."""
    upload = _Upload(_R2, 6 * _MIB)
    for chunksize in (6 * _MIB, 5 * _MIB, 50 * _MIB):
        upload.reopen(chunksize)
        upload.write(7 * _MIB)
        upload.close()
    upload.write(100 * _MIB)

    assert set(upload.parts) == {6 * _MIB}
    assert upload.sent + upload.tail == 121 * _MIB


def test_too_many_equal_parts() -> None:
    """An object that equal parts of the chunksize can't hold is refused, and says what to configure."""
    upload = _Upload(_R2, 5 * _MIB)
    upload.write(10_000 * 5 * _MIB)
    upload.check()
    with pytest.raises(StorageFullError, match="chunksize"):
        upload.write(1)


@pytest.mark.parametrize(
    ("limits", "chunksize", "most"),
    [
        (_S3, 5 * _MIB, 5 * _TIB),
        (_GCS, 1, 5 * _TIB),
        (_R2, 1, 10_000 * 5 * _MIB),
        (_R2, 10 * _MIB, 10_000 * 10 * _MIB),
        (_R2, _GIB, 5 * _TIB),
        (_AZURE, 4000 * _MIB, 45_000 * 4000 * _MIB + 5_000 * _MIB),
    ],
)
def test_largest_object(limits: BucketLimits, chunksize: int, most: int) -> None:
    """What is promised is what fits whatever the sessions: the store's limit, or what its parts hold."""
    assert most == PartPlan(limits, chunksize).max_bytes


@pytest.mark.parametrize("chunksize", [1, 4 * _MIB, 100 * _MIB])
def test_largest_object_of_a_store_for_larger_ones(chunksize: int) -> None:
    """Where a store takes more than its parts hold as they grow, the promise is less than its limit, and is kept."""
    most = PartPlan(_AZURE, chunksize).max_bytes
    upload = _Upload(_AZURE, chunksize)
    upload.end_early()
    upload.write(most - upload.sent)

    assert 5 * _TIB < most < _AZURE.max_object
    upload.check()


@_stores
@pytest.mark.parametrize(("chunksize", "size"), [(0, _MIB), (10 * _MIB, 10 * _MIB), (10 * _TIB, 10 * _TIB)])
def test_chunksize_is_held_within_the_limits(limits: BucketLimits, chunksize: int, size: int) -> None:
    """A chunksize that the store doesn't take becomes the nearest that it does."""
    assert min(max(size, limits.min_part), limits.max_part) == PartPlan(limits, chunksize).next_size(1, 0)


def test_memory_of_a_part() -> None:
    """The figures in the text of `PartPlan`."""
    upload = _Upload(_S3, 5 * _MIB)
    upload.write(5 * _TIB)
    first_larger = next(number for number, size in enumerate(upload.parts) if size > 5 * _MIB)
    size_at: dict[int, int] = {}
    for size, sent in zip(upload.parts, accumulate(upload.parts, initial=0), strict=False):
        size_at.setdefault(sent // _GIB, size)

    assert sum(upload.parts[:first_larger]) // 10**8 == 62  # 6.2 GB, 5.9 GiB
    assert (9 * _MIB, 43 * _MIB) == (size_at[10], size_at[50])
    assert 9200 < len(upload.parts) < 9250
    assert 4.2 * _GIB < max(upload.parts) < 4.3 * _GIB
