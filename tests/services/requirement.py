"""What a test needs on this machine."""

import pytest

from .tools import Tool, find_tool

__all__ = ["require_tool"]


def require_tool(name: str, remedy: str) -> Tool:
    """Returns a program, or skips the test that needs it, naming what would bring it here."""
    tool = find_tool(name)
    if tool is None:
        pytest.skip(f"{name} is missing: {remedy}")
    return tool
