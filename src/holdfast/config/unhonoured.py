"""What the file can say and this version of Holdfast can't do: one table.

Such a configuration loads, and is typed; serving it is refused, as a registry that does less than its file says is how
images end up open to everybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.config.problem import Path, dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from holdfast.config.configuration import Configuration

__all__ = ["CIPHER_SUITES", "RULES", "Rule", "Unhonoured", "unhonoured"]

CIPHER_SUITES = frozenset({
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
})  # fmt: skip
"""The cipher suites of TLS 1.2 that the server uses; it can't be told to leave one out.

It uses those of its certificate's kind of key. Which kind that is, is seen when the certificate is read.
"""

_UNVERIFIED = frozenset({"request-client-cert", "require-any-client-cert"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhonoured:
    """Something that a configuration says and this version can't do.

    Attributes:
        path: The key.
        reason: What this version can't do.
        remedy: What to write, or to do, instead.
    """

    path: Path
    reason: str
    remedy: str

    def __str__(self) -> str:
        """One line: the dotted path, the reason, the remedy."""
        return f"{dotted(self.path)}: {self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of the table.

    Attributes:
        key: The key, for people, and the values that it is about.
        find: Tells the paths in a configuration that the row is about; none where all is well.
        reason: What this version can't do.
        remedy: What to write, or to do, instead.
    """

    key: str
    find: Callable[[Configuration], Iterator[Path]]
    reason: str
    remedy: str


def unhonoured(configuration: Configuration) -> list[Unhonoured]:
    """Tell what a configuration says that this version can't do; empty where it can be served."""
    return [
        Unhonoured(path=path, reason=rule.reason, remedy=rule.remedy)
        for rule in RULES
        for path in rule.find(configuration)
    ]


def _auth(configuration: Configuration) -> Iterator[Path]:
    if configuration.auth.kind != "none":
        yield ("auth", configuration.auth.kind)


def _proxy(configuration: Configuration) -> Iterator[Path]:
    if configuration.proxy.remoteurl is not None:
        yield ("proxy", "remoteurl")


def _endpoints(configuration: Configuration) -> Iterator[Path]:
    for index, endpoint in enumerate(configuration.notifications.endpoints):
        if not endpoint.disabled:
            yield ("notifications", "endpoints", index)


def _redis(configuration: Configuration) -> Iterator[Path]:
    cache = configuration.storage.cache
    if cache.blobdescriptor == "redis":
        yield ("storage", "cache", "blobdescriptor")
    elif cache.blobdescriptor is None and cache.layerinfo == "redis":
        yield ("storage", "cache", "layerinfo")


def _letsencrypt(configuration: Configuration) -> Iterator[Path]:
    section = configuration.http.tls.letsencrypt
    if section.cachefile is not None or section.hosts:
        yield ("http", "tls", "letsencrypt")


def _without_certificate(configuration: Configuration) -> Iterator[Path]:
    tls = configuration.http.tls
    parts: dict[str, str | Sequence[str] | None] = {"key": tls.key, "clientcas": tls.clientcas}
    if not tls.enabled:
        yield from (("http", "tls", name) for name, part in parts.items() if part)


def _clientauth(configuration: Configuration) -> Iterator[Path]:
    tls = configuration.http.tls
    if tls.clientcas and tls.clientauth in _UNVERIFIED:
        yield ("http", "tls", "clientauth")


def _ciphersuites(configuration: Configuration) -> Iterator[Path]:
    tls = configuration.http.tls
    # Go can't choose among those of TLS 1.3 either, so that upstream passes over the list where only 1.3 is spoken.
    if not tls.enabled or tls.minimumtls == "tls1.3" or not tls.ciphersuites:
        return
    left_out = CIPHER_SUITES - set(tls.ciphersuites)
    if all(any(kind in suite for suite in left_out) for kind in ("_RSA_", "_ECDSA_")):
        yield ("http", "tls", "ciphersuites")


def _classes(configuration: Configuration) -> Iterator[Path]:
    if configuration.policy.repository.classes:
        yield ("policy", "repository", "classes")


def _hooks(configuration: Configuration) -> Iterator[Path]:
    for index, hook in enumerate(configuration.log.hooks):
        if not hook.disabled and hook.type != "mail":
            yield ("log", "hooks", index, "type")


def _schema1(configuration: Configuration) -> Iterator[Path]:
    if configuration.compatibility.schema1.enabled:
        yield ("compatibility", "schema1", "enabled")


def _reporting(configuration: Configuration) -> Iterator[Path]:
    if configuration.reporting.bugsnag.apikey is not None:
        yield ("reporting", "bugsnag")
    if configuration.reporting.newrelic.licensekey is not None:
        yield ("reporting", "newrelic")


RULES: tuple[Rule, ...] = (
    Rule(
        key="`auth`, other than `none`",
        find=_auth,
        reason="this version asks nobody who they are",
        remedy="let a proxy in front ask, listen on 127.0.0.1, and take it out",
    ),
    Rule(
        key="`proxy.remoteurl`",
        find=_proxy,
        reason="this version isn't a cache in front of another registry",
        remedy="take it out to serve what is in the storage",
    ),
    Rule(
        key="`notifications.endpoints`, unless `disabled`",
        find=_endpoints,
        reason="this version tells nobody of events",
        remedy="take it out, or write disabled: true",
    ),
    Rule(
        key="`storage.cache.blobdescriptor: redis`",
        find=_redis,
        reason="this version doesn't use Redis",
        remedy="write inmemory: facts that can't change are remembered, and nothing else need be",
    ),
    Rule(
        key="`http.tls.letsencrypt`",
        find=_letsencrypt,
        reason="this version gets no certificates by itself",
        remedy="let an ACME client write http.tls.certificate and http.tls.key, and take it out",
    ),
    Rule(
        key="`http.tls.key`, `http.tls.clientcas` without `http.tls.certificate`",
        find=_without_certificate,
        reason="there is no TLS without http.tls.certificate",
        remedy="add that, or take this out to serve plain HTTP",
    ),
    Rule(
        key="`http.tls.clientauth`: `request-client-cert`, `require-any-client-cert`",
        find=_clientauth,
        reason="this version verifies every certificate that a client shows",
        remedy="write verify-client-cert-if-given or require-and-verify-client-cert, or take http.tls.clientcas out",
    ),
    Rule(
        key="`http.tls.ciphersuites` without one that is used with TLS 1.2",
        find=_ciphersuites,
        reason="this version can't leave out a cipher suite that its TLS library has, and all of those are sound",
        remedy="take it out, or write minimumtls: tls1.3",
    ),
    Rule(
        key="`policy.repository.classes`",
        find=_classes,
        reason="this version takes any class of content",
        remedy="take it out to take any",
    ),
    Rule(
        key="`log.hooks` of a type other than `mail`, unless `disabled`",
        find=_hooks,
        reason="only the type mail is known",
        remedy="take the hook out, or write disabled: true",
    ),
    Rule(
        key="`compatibility.schema1.enabled`",
        find=_schema1,
        reason="manifests of schema 1 are taken neither here nor by Distribution since version 3",
        remedy="take it out, and push such images again with a client of today",
    ),
    Rule(
        key="`reporting.bugsnag`, `reporting.newrelic`",
        find=_reporting,
        reason="nothing is reported there, nor by Distribution since version 3",
        remedy="take it out",
    ),
)
"""All that this version can't do, in the order in which it is told."""
