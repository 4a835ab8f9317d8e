"""Links from one page of a list to the next."""

import re

import httpx

__all__ = ["next_page"]


def next_page(response: httpx.Response) -> str | None:
    """Where the list goes on, from a Link in the form of RFC 5988."""
    link = response.headers.get("link")
    if link is None:
        return None
    match = re.fullmatch(r'<([^<>"\s]+)>\s*;\s*rel="?next"?', link)
    assert match, link
    return match[1]
