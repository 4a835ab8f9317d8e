"""A driver that fails where a plan says."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from holdfast.storage.errors import BatchDeleteError, StorageError
from holdfast.storage.layers.forwarding import ForwardingWriter
from holdfast.testing.drivers.interception import InterceptingDriver, Step
from holdfast.testing.drivers.plan import Fault, FaultPlan, Moment, Plan

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from holdfast.storage.driver import Buffer, FileWriter, StorageDriver

__all__ = ["FaultyDriver"]


class FaultyDriver(InterceptingDriver):
    """Raises a plan's errors, before or after the inner driver's effect, or in the middle of a stream.

    Example:
        FaultyDriver(driver, Fault(op="commit"))                        the first commit fails
        FaultyDriver(driver, Fault(op="read", when="within", keep=1000, times=None))
                                                                        every read breaks off after 1,000 bytes
        FaultyDriver(driver, RandomFaults(seed=1, probability=0.05))    a bad day

    Attributes:
        inner: The driver that does the work.
        plan: What fails; it may be replaced at any time.
        injected: How many errors were raised so far.
    """

    def __init__(self, inner: StorageDriver, *plan: Plan | Fault) -> None:
        """Wrap a driver.

        Args:
            inner: The driver that does the work.
            plan: One plan, or faults; none is no fault until `plan` is set.

        Raises:
            ValueError: More than one plan.
        """
        super().__init__(inner)
        self.injected = 0
        self.plan: Plan = _as_plan(plan)

    async def before(self, step: Step) -> None:
        """Raise what is due before the effect."""
        self._raise_due(step.op, step.path, "before")

    async def after(self, step: Step) -> None:
        """Raise what is due after the effect."""
        self._raise_due(step.op, step.path, "after")

    def due(self, op: str, path: str, when: Moment) -> StorageError | None:
        """The error that is due, counted as injected."""
        fault = self.plan.fault(op, path, when)
        return None if fault is None else self._inject(fault, path)

    def _inject(self, fault: Fault, path: str) -> StorageError:
        self.injected += 1
        return fault.make_error(path)

    def _raise_due(self, op: str, path: str, when: Moment) -> None:
        error = self.due(op, path, when)
        if error is not None:
            raise error

    @asynccontextmanager
    async def reader(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a reader, whose stream may break off; see `StorageDriver.reader`."""
        async with super().reader(path, offset=offset, length=length) as chunks:
            fault = self.plan.fault("read", path, "within")
            if fault is None:
                yield chunks
            else:
                async with aclosing(self._break_off(fault, path, chunks)) as broken:
                    yield broken

    async def _break_off(self, fault: Fault, path: str, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        left = fault.keep
        async for chunk in chunks:
            if len(chunk) > left:
                if left:
                    yield chunk[:left]
                raise self._inject(fault, path)
            left -= len(chunk)
            yield chunk

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Open a writer, whose `write` may break off; see `StorageDriver.writer`."""
        opened = await super().writer(path, append=append, resume_token=resume_token)
        fault = self.plan.fault("write", path, "within")
        return opened if fault is None else _BreakingWriter(opened, fault, lambda: self._inject(fault, path))

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Delete all but those whose fault is due before it, and name those whose fault is due; each path counts."""
        failures = self._failures(paths, "before")
        await self.inner.delete_files([path for path in paths if path not in failures])
        failures |= self._failures(paths, "after")
        if failures:
            raise BatchDeleteError(failures)

    def _failures(self, paths: Sequence[str], when: Moment) -> dict[str, StorageError]:
        errors = ((path, self.due("delete_files", path, when)) for path in paths)
        return {path: error for path, error in errors if error is not None}


class _BreakingWriter(ForwardingWriter):
    """Writes as many bytes as the fault keeps, then fails with the rest unwritten."""

    def __init__(self, inner: FileWriter, fault: Fault, make_error: Callable[[], StorageError]) -> None:
        super().__init__(inner)
        self._left = fault.keep
        self._make_error = make_error

    async def write(self, data: Buffer) -> None:
        """Write what is kept of the data, and fail if there is more."""
        kept = bytes(memoryview(data)[: self._left])
        self._left -= len(kept)
        await self.inner.write(kept)
        if len(kept) < len(data):
            raise self._make_error()


def _as_plan(plan: Sequence[Plan | Fault]) -> Plan:
    faults = [part for part in plan if isinstance(part, Fault)]
    plans = [part for part in plan if not isinstance(part, Fault)]
    if len(plans) > 1 or (plans and faults):
        raise ValueError("give one plan, or faults")
    return plans[0] if plans else FaultPlan(faults=faults)
