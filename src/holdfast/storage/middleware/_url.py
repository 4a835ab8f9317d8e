"""The option that says where a CDN or a web server has the storage's files."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

__all__ = ["BaseURL", "SchemelessBaseURL"]


def _checked(url: str) -> str:
    """Return it without a slash at its end, so that a storage path can follow."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError("is no URL") from error
    if not url.isascii() or any(character <= " " for character in url):
        raise ValueError("is no URL: it has a space, or a character that a URL has percent-encoded")
    if parts.scheme not in {"http", "https"}:
        raise ValueError("needs a scheme: https://HOST/PATH, or http://")
    if not parts.hostname:
        raise ValueError("needs a host: https://HOST/PATH")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("has a query or a fragment, after which no path can come")
    return url.rstrip("/")


def _with_scheme(url: object) -> object:
    return f"https://{url}" if isinstance(url, str) and url and "://" not in url else url


BaseURL: TypeAlias = Annotated[str, AfterValidator(_checked)]
"""An absolute URL of http or https; storage paths, which begin with a slash, are appended to it."""

SchemelessBaseURL: TypeAlias = Annotated[BaseURL, BeforeValidator(_with_scheme)]
"""As `BaseURL`; a URL without a scheme is one of https."""
