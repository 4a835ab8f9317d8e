"""Counters of this process, read as a test sees them."""

from collections.abc import Callable

from prometheus_client import REGISTRY

__all__ = ["growth"]


def growth(name: str, **labels: str) -> Callable[[], float]:
    """Return what tells how much a counter has grown since.

    Args:
        name: What its name has between `registry_storage_` and `_total`.
        labels: Its labels.
    """

    def value() -> float:
        return REGISTRY.get_sample_value(f"registry_storage_{name}_total", labels) or 0.0

    before = value()
    return lambda: value() - before
