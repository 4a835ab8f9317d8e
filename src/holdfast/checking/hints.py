"""What is known of a driver beforehand: read from `hints.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Hints", "hints_for"]

_ANY_OTHER = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Of one driver; all empty for a driver that nothing is known of.

    Attributes:
        permissions: What a check needs to be granted; that of the empty name is for the others.
        exactly: What a check lacks when it is refused, whichever request that was.
        requests: What a request needs to be granted, by the name that stands in the store's errors.
        remedies: What to do, by what stands in the store's errors.
        large_move: Options under which the large file is moved as the largest layers are.
        alternatives: Options that say what the store can do, each with its values.
    """

    permissions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exactly: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    remedies: Mapping[str, str] = field(default_factory=dict)
    large_move: Mapping[str, Any] = field(default_factory=dict)
    alternatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def permissions_of(self, check: str, words: str) -> tuple[str, ...]:
        """What was missing, as exactly as can be told from a check and the words of the store's refusal."""
        known = {name for names in self.permissions.values() for name in names} | set(self.requests.values())
        named = sorted(name for name in known if name in words)
        if named:
            return (max(named, key=len),)
        if check in self.exactly:
            return (self.exactly[check],)
        requests = sorted((name for name in self.requests if name in words), key=len)
        if requests:
            return (self.requests[requests[-1]],)
        return tuple(self.permissions.get(check, self.permissions.get(_ANY_OTHER, ())))

    def remedy(self, words: str) -> str | None:
        """What to do about an error whose words are known; `None` for others."""
        return next((remedy for part, remedy in self.remedies.items() if part in words), None)


@cache
def _all() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__package__).joinpath("hints.toml").read_text(encoding="utf-8"))


def hints_for(driver: str) -> Hints:
    """The hints of a driver."""
    return Hints(**_all().get(driver, {}))
