"""Writes docs/reference/conformance.md: the requirements, and where each is checked.

Run it as `python -m tests.conformance.page` after a change of the table or of the tests.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tests.conformance.requirements import REQUIREMENTS, Requirement, proofs

__all__ = ["PAGE", "UNTESTED", "text"]

PAGE = Path(__file__).parents[2] / "docs/reference/conformance.md"

UNTESTED = {
    "proxy-1": "not offered",
    "proxy-5": "not offered: `ns` is ignored",
    "api-2": "done where a driver signs URLs, which those that run here don't",
    "api-4": "without authentication the base answers 200; with it, it is where clients learn how to log in",
    "warnings-1": "Holdfast sends none",
}
"""What a registry may do, and why no test shows it."""

_NOTICE = "<!-- Written by tests/conformance/page.py. To write it anew: python -m tests.conformance.page -->"

_HEAD = """\
# Conformance

What the [OCI distribution-spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md) asks for, in our
words: every sentence with MUST, SHOULD, MAY or a word of their kind, every numbered endpoint, and what the image-spec
asks of whoever stores images. Of {all} requirements, {registry} are on the registry. Each is checked over HTTP, on each
driver; the tests are in `tests/conformance/`. Those on clients are listed as well, with the tests of what the registry
says to a client that doesn't keep to them.

The specification's own tool (`conformance/` in its repository, versions 1.1 and dev) reports no failure and no skip
with every option on. It pushes what a registry may refuse, and what this one refuses by default, as Distribution does:
layers with URLs, and manifests without what they refer to. Let those in for its run:

```yaml
version: 0.1
storage: inmemory
validation: {{disabled: true}}
holdfast: {{manifests: {{sparseindexes: true, sparseimages: true}}}}
```
"""


def text() -> str:
    """The page as it should be."""
    found = proofs()
    on_registry = sum(requirement.party == "registry" for requirement in REQUIREMENTS.values())
    blocks = [f"{_NOTICE}\n\n{_HEAD.format(all=len(REQUIREMENTS), registry=on_registry)}"]
    for section, requirements in groupby(REQUIREMENTS.values(), key=lambda requirement: requirement.section):
        rows = "\n".join(_rows(list(requirements), found))
        blocks.append(
            f"## {section}\n\n| | On | Level | What is asked | Checked by |\n| --- | --- | --- | --- | --- |\n{rows}\n"
        )
    return "\n".join(blocks)


def _rows(requirements: list[Requirement], found: dict[str, list[str]]) -> Iterator[str]:
    for item in requirements:
        tests = ", ".join(f"`{test}`" for test in found.get(item.id, []))
        checked = tests or UNTESTED.get(item.id, "")
        yield f"| {item.id} | {item.party} | {item.level} | {item.summary} | {checked} |".replace("|  |", "| |")


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
