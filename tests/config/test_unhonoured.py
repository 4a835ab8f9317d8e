import pytest

from holdfast.config import parse, unhonoured
from holdfast.config.problem import dotted
from holdfast.config.unhonoured import CIPHER_SUITES, RULES

_TLS = "certificate: c, key: k"
_ALL_SUITES = ", ".join(sorted(CIPHER_SUITES))
_TOO_FEW = ", ".join(sorted(CIPHER_SUITES)[1:-1])
_FOR_RSA = ", ".join(suite for suite in sorted(CIPHER_SUITES) if "_RSA_" in suite)


def _found(section: str) -> list[str]:
    base = "version: 0.1\n" + ("" if section.startswith("storage:") else "storage: bare\n")
    return [dotted(item.path) for item in unhonoured(parse((base + section).encode()))]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("auth: {silly: {realm: r, service: s}}", ["auth.silly"]),
        ("auth: {htpasswd: {realm: r, path: /p}}", ["auth.htpasswd"]),
        ("auth: {token: {realm: r, service: s, issuer: i, jwks: /k}}", ["auth.token"]),
        ("proxy: {remoteurl: 'https://r.example'}", ["proxy.remoteurl"]),
        (
            "notifications: {endpoints: [{url: 'http://a', disabled: true}, {url: 'http://a'}]}",
            ["notifications.endpoints.1"],
        ),
        ("storage: {bare: , cache: {blobdescriptor: redis}}", ["storage.cache.blobdescriptor"]),
        ("storage: {bare: , cache: {layerinfo: redis}}", ["storage.cache.layerinfo"]),
        ("http: {tls: {letsencrypt: {cachefile: /c, hosts: [a]}}}", ["http.tls.letsencrypt"]),
        ("http: {tls: {clientcas: [a], key: k}}", ["http.tls.key", "http.tls.clientcas"]),
        (f"http: {{tls: {{{_TLS}, clientcas: [a], clientauth: request-client-cert}}}}", ["http.tls.clientauth"]),
        (f"http: {{tls: {{{_TLS}, ciphersuites: [{_TOO_FEW}]}}}}", ["http.tls.ciphersuites"]),
        ("policy: {repository: {classes: [image]}}", ["policy.repository.classes"]),
        ("log: {hooks: [{type: pager}, {type: horn, disabled: true}]}", ["log.hooks.0.type"]),
        ("compatibility: {schema1: {enabled: true}}", ["compatibility.schema1.enabled"]),
        ("reporting: {bugsnag: {apikey: a}, newrelic: {licensekey: b}}", ["reporting.bugsnag", "reporting.newrelic"]),
    ],
)
def test_what_this_version_cannot_do_is_told(section: str, expected: list[str]) -> None:
    """Each row of the table finds what it is about, by its path, and nothing that is switched off."""
    assert expected == _found(section)


@pytest.mark.parametrize(
    "section",
    [
        "log: {level: debug, formatter: logstash, reportcaller: true, accesslog: {disabled: true}, fields: {a: b}}",
        "log: {hooks: [{type: mail, levels: [panic], options: {smtp: {addr: 'a:25'}, from: b, to: [c]}}]}",
        "storage: {bare: , cache: {blobdescriptor: inmemory, layerinfo: redis}, delete: {enabled: true}}",
        "storage: {bare: , maintenance: {uploadpurging: {dryrun: true}, readonly: {enabled: true}}, tag: {}}",
        "storage: {bare: , redirect: {disable: true}}",
        "middleware: {registry: [{name: a, disabled: on}], storage: [{name: redirect, options: {baseurl: 'http://a'}}]}",
        "auth: none",
        "proxy: {username: a, ttl: 1h}",
        "notifications: {events: {includereferences: true}}",
        "redis: {addrs: ['a:1']}",
        f"http: {{tls: {{{_TLS}, clientcas: [a], minimumtls: tls1.0, ciphersuites: [{_ALL_SUITES}]}}}}",
        f"http: {{tls: {{{_TLS}, clientcas: [a], clientauth: verify-client-cert-if-given}}}}",
        f"http: {{tls: {{{_TLS}, ciphersuites: [{_FOR_RSA}]}}}}",
        f"http: {{tls: {{{_TLS}, minimumtls: tls1.3, ciphersuites: [{_TOO_FEW}], clientauth: request-client-cert}}}}",
        "http: {addr: /s, net: unix, prefix: /a/, host: 'http://a', relativeurls: true, headers: {A: [b]}}",
        "http: {debug: {addr: ':1', prometheus: {enabled: true}}, http2: {disabled: true}, h2c: {enabled: true}}",
        "health: {storagedriver: {enabled: true}, file: [{file: /a}], http: [{uri: 'http://a'}], tcp: [{addr: 'a:1'}]}",
        "validation: {manifests: {urls: {allow: [a]}, indexes: {platforms: none}}}",
        "catalog: {maxentries: 5}\ntags: {maxtags: 5}",
        "holdfast: {repositories: {delete: true}, uploads: {minchunk: 1MB}}",
        "compatibility: {schema1: {signingkeyfile: /k}}",
    ],
)
def test_what_this_version_can_do_is_let_through(section: str) -> None:
    """All else is honoured."""
    assert [] == _found(section)


def test_each_row_says_what_to_do() -> None:
    """The table has a reason and a remedy for each key, in one line."""
    texts = [text for rule in RULES for text in (rule.key, rule.reason, rule.remedy)]

    assert [] == [text for text in texts if not text or "\n" in text or text.endswith(".")]
    assert len(RULES) == len({rule.key for rule in RULES})


def test_it_is_told_in_one_line() -> None:
    """A finding reads as path, reason and remedy."""
    found = unhonoured(parse(b"version: 0.1\nstorage: bare\nproxy: {remoteurl: 'https://r.example'}"))

    assert (
        "proxy.remoteurl: this version isn't a cache in front of another registry; take it out to serve what is in the"
        " storage"
    ) == str(found[0])
