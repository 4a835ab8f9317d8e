"""Which keys Docker Distribution's configuration has, so that one that isn't honoured here can be told from a typo.

Only sections that are honoured in part are listed key by key; of the others, the name says enough. What is
honoured is asked of the models: a field added there is supported from then on.

Source: https://distribution.github.io/distribution/about/configuration/ and the `Configuration` struct of
https://github.com/distribution/distribution/blob/main/configuration/configuration.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INSTEAD", "KEYS"]

KEYS: Mapping[tuple[str, ...], frozenset[str]] = {
    (): frozenset({
        "auth", "catalog", "health", "http", "log", "loglevel", "middleware", "notifications", "policy", "proxy",
        "redis", "storage", "tags", "validation", "version",
    }),
    ("log",): frozenset({"accesslog", "fields", "formatter", "hooks", "level", "reportcaller"}),
    ("storage",): frozenset({"cache", "delete", "maintenance", "redirect", "tag"}),
    ("storage", "delete"): frozenset({"enabled"}),
    ("http",): frozenset({
        "addr", "debug", "draintimeout", "h2c", "headers", "host", "http2", "net", "prefix", "relativeurls", "secret",
        "tls",
    }),
}  # fmt: skip
"""Path of a section to the keys that upstream knows in it."""

INSTEAD: Mapping[tuple[str, ...], str] = {("loglevel",): "use log.level"}
"""What to write instead of a key, where there is something."""
