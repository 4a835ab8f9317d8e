"""Which other configuration would fit the store better: tried out, not guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from holdfast.checking.finding import Finding, Outcome
from holdfast.storage.errors import (
    AccessDeniedError,
    ConfigurationError,
    ReadOnlyStorageError,
    StorageFullError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from holdfast.checking.hints import Hints
    from holdfast.checking.plan import Subject

__all__ = ["FindingsUnder", "better_options"]

FindingsUnder: TypeAlias = "Callable[[Mapping[str, str], Iterable[str]], Awaitable[Mapping[str, Finding]]]"
"""Makes checks again, by name, with options changed."""

_VARIED: Final = (
    "list",
    "delete many",
    "large write",
    "large read",
    "large move",
    "abandoned uploads",
    "create only",
    "match version",
)
"""What stores of one protocol differ in, each after what it needs."""

_ELSEWHERE: Final = frozenset(
    kind.__name__
    for kind in (
        AccessDeniedError,
        ReadOnlyStorageError,
        StorageFullError,
        StorageTimeoutError,
        StorageUnavailableError,
        ThrottledError,
    )
)
"""What fails for a reason that no other option mends."""

_GOOD: Final = frozenset({Outcome.OK, Outcome.WARNING})


async def better_options(
    hints: Hints,
    subject: Subject,
    findings: Sequence[Finding],
    findings_under: FindingsUnder,
) -> list[str]:
    """Tell under which values of an option the store fails in less, or can do more, than as it is configured.

    Args:
        hints: Which options there are to vary.
        subject: What is configured.
        findings: What was found with it.
        findings_under: Makes checks again, with an option changed.
    """
    found = {finding.name: finding for finding in findings}
    lacking = [name for name in _VARIED if found[name].outcome not in _GOOD]
    if not lacking or any(_is_of_elsewhere(finding) for finding in findings):
        return []
    advice = []
    for option, values in hints.alternatives.items():
        varied = {name: found[name] for name in _VARIED}
        best: tuple[int, int] = _score(varied)
        fitting: dict[str, dict[str, Finding]] = {}
        for value in values:
            if value == subject.parameters.get(option):
                continue
            under = await _tried({option: value}, lacking, findings_under)
            if len(under) < len(_VARIED) or _score(under) < best:
                continue
            if _score(under) > best:
                best, fitting = _score(under), {}
            if best > _score(varied):
                fitting[value] = under
        if fitting:
            advice.append(_advice(option, fitting, varied))
    return advice


def _is_of_elsewhere(finding: Finding) -> bool:
    return finding.problem is not None and finding.problem.error in _ELSEWHERE


async def _tried(
    change: Mapping[str, str],
    lacking: Sequence[str],
    findings_under: FindingsUnder,
) -> dict[str, Finding]:
    """What is found with a change: first in what is lacking without it, and in all else only if that gains anything."""
    try:
        first = dict(await findings_under(change, lacking))
        if not any(finding.outcome in _GOOD for finding in first.values()) and _failed(first):
            return first
        return first | dict(await findings_under(change, [name for name in _VARIED if name not in lacking]))
    except ConfigurationError:  # it doesn't go together with other options
        return {}


def _failed(findings: Mapping[str, Finding]) -> int:
    return sum(finding.problem is not None for finding in findings.values())


def _passed(findings: Mapping[str, Finding]) -> list[str]:
    return [name for name in _VARIED if name in findings and findings[name].outcome in _GOOD]


def _score(findings: Mapping[str, Finding]) -> tuple[int, int]:
    """Greater is better: that nothing fails goes before how much passes."""
    return -_failed(findings), len(_passed(findings))


def _advice(option: str, fitting: Mapping[str, Mapping[str, Finding]], now: Mapping[str, Finding]) -> str:
    under = next(iter(fitting.values()))
    gained = [name for name in _passed(under) if name not in _passed(now)]
    mended = [name for name in _VARIED if now[name].problem is not None and under[name].outcome is Outcome.MISSING]
    parts = [f"the store passes {', '.join(gained)}"] if gained else []
    parts += [f"the registry doesn't rely on {', '.join(mended)}"] if mended else []
    return f"with `{option}: {'` or `'.join(fitting)}` {', and '.join(parts) or 'less fails'}"
