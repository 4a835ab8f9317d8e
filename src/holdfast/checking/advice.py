"""Which other configuration would fit the store better: tried out, not guessed."""

from __future__ import annotations

from contextlib import suppress
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
    from collections.abc import Set as AbstractSet

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

_LARGE: Final = ("large write", "large read", "large move")
"""They go together: the first leaves what the others need."""

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
    now = {name: found[name] for name in _VARIED}
    lacking = {name for name in _VARIED if now[name].outcome not in _GOOD}
    if not lacking or found["write"].outcome not in _GOOD or any(_is_of_elsewhere(finding) for finding in findings):
        return []
    if lacking & set(_LARGE):
        lacking |= set(_LARGE)
    advice = []
    for option, values in hints.alternatives.items():
        others = [value for value in values if value != subject.parameters.get(option)]
        fitting = await _fitting(option, others, now, lacking, findings_under)
        if fitting:
            advice.append(_advice(option, fitting, now))
    return advice


async def _fitting(
    option: str,
    values: Sequence[str],
    now: Mapping[str, Finding],
    lacking: AbstractSet[str],
    findings_under: FindingsUnder,
) -> dict[str, dict[str, Finding]]:
    """The values that do best, and better than what is configured, each with what is found under it.

    What is lacking is looked for under all of them, and everything else only under those that could be the best.
    """
    first: dict[str, dict[str, Finding]] = {}
    for value in values:
        with suppress(ConfigurationError):  # it doesn't go together with other options
            first[value] = dict(await findings_under({option: value}, lacking))
    best, fitting = _score(now), dict[str, dict[str, Finding]]()
    for value in sorted(first, key=lambda value: _score({**now, **first[value]}), reverse=True):
        hoped = _score({**now, **first[value]})
        if hoped < best or hoped <= _score(now):
            break
        under = first[value] | dict(await findings_under({option: value}, set(_VARIED) - lacking))
        if _score(under) > best:
            best, fitting = _score(under), {}
        if _score(under) == best > _score(now):
            fitting[value] = under
    return fitting


def _is_of_elsewhere(finding: Finding) -> bool:
    return finding.problem is not None and finding.problem.error in _ELSEWHERE


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
