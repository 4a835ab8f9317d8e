"""What each section makes of its values, and what it refuses."""

from typing import Any

import pytest
import yaml

from holdfast.config import parse
from holdfast.storage.errors import ConfigurationError
from tests.config.lookup import plain, value_at


def _text(section: str) -> bytes:
    base = "version: 0.1\n" + ("" if section.startswith("storage:") else "storage: bare\n")
    return (base + section).encode()


def _mail(levels: str = "[panic]", options: str = "{smtp: {addr: 'mail.example:25'}, from: a@b, to: [c@d]}") -> str:
    return f"log: {{hooks: [{{type: mail, levels: {levels}, options: {options}}}]}}"


_SUITE = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


@pytest.mark.parametrize(
    ("section", "path", "expected"),
    [
        ("log: {level: WARN}", "log.level", "warn"),
        ("log: {level: ''}", "log.level", "info"),
        ("log: {formatter: logstash, reportcaller: on}", "log.formatter", "logstash"),
        ("log: {fields: {a: 1, b: [2], c: }}", "log.fields", {"a": "1", "b": ["2"], "c": None}),
        (_mail("[ERROR, warning]"), "log.hooks.0.levels", ["error", "warning"]),
        (_mail(), "log.hooks.0.options.from_", "a@b"),
        ("log: {hooks: [{type: mail, disabled: true}]}", "log.hooks.0.disabled", True),
        ("storage: {bare: , cache: {blobdescriptorsize: 0}}", "storage.cache.blobdescriptorsize", 0),
        ("storage: {bare: , cache: {blobdescriptorsize: -1}}", "storage.cache.blobdescriptorsize", -1),
        ("storage: {bare: , cache: {layerinfo: inmemory}}", "storage.cache.kind", "inmemory"),
        ("storage: {bare: , cache: {blobdescriptor: }}", "storage.cache.blobdescriptor", None),
        ("storage: {bare: , redirect: }", "storage.redirect.disable", False),
        ("storage: {bare: , delete: {enabled: Yes}}", "storage.delete.enabled", True),
        ("storage: {bare: , maintenance: {uploadpurging: {age: 1h}}}", "storage.maintenance.uploadpurging.age", "1h"),
        (
            "storage: {bare: , maintenance: {uploadpurging: {age: 1h}}}",
            "storage.maintenance.uploadpurging.interval",
            "24h",
        ),
        ("storage: {bare: , maintenance: {uploadpurging: }}", "storage.maintenance.uploadpurging.enabled", True),
        ("storage: {bare: , tag: {concurrencylimit: 0x10}}", "storage.tag.concurrencylimit", 16),
        ("storage: {bare: , tag: {concurrencylimit: 010}}", "storage.tag.concurrencylimit", 8),
        ("storage: {bare: , tag: {concurrencylimit: 1_000}}", "storage.tag.concurrencylimit", 1000),
        ("auth: none", "auth.kind", "none"),
        ("auth: {None: }", "auth.kind", "none"),
        ("auth: {}", "auth.kind", "none"),
        ("auth: ", "auth.kind", "none"),
        (
            "auth: {token: {realm: r, service: s, issuer: i, jwks: /k}}",
            "auth.token.autoredirectpath",
            "/auth/token/",
        ),
        ("http: {addr: '[::1]:5000', net: tcp}", "http.addr", "[::1]:5000"),
        ("http: {addr: /run/registry.sock, net: unix}", "http.unix.name", "registry.sock"),
        ("http: {addr: ''}", "http.addr", "127.0.0.1:5000"),
        ("http: {prefix: /a/b/}", "http.prefix", "/a/b"),
        ("http: {prefix: /a}", "http.prefix", "/a"),
        ("http: {prefix: /}", "http.prefix", ""),
        ("http: {host: 'https://r.example:5000'}", "http.host", "https://r.example:5000"),
        ("http: {host: 'https://r.example/sub/'}", "http.host", "https://r.example/sub"),
        ("http: {host: ''}", "http.host", None),
        ("http: {headers: {A: [b, c], D: [e]}}", "http.header_pairs", [["A", "b"], ["A", "c"], ["D", "e"]]),
        ("http: {tls: {certificate: c, key: k}}", "http.tls.enabled", True),
        ("http: {tls: {minimumtls: TLS1.3}}", "http.tls.minimumtls", "tls1.3"),
        (f"http: {{tls: {{ciphersuites: [{_SUITE}]}}}}", "http.tls.ciphersuites", [_SUITE]),
        ("http: {debug: {prometheus: {path: ''}}}", "http.debug.prometheus.path", "/metrics"),
        ("notifications: {endpoints: [{url: 'http://a', timeout: 0s}]}", "notifications.endpoints.0.timeout", "1s"),
        ("notifications: {endpoints: [{url: 'http://a', threshold: 0}]}", "notifications.endpoints.0.threshold", 10),
        ("redis: {addrs: ['a:1'], pooltimeout: 1s, poolfifo: y}", "redis.pooltimeout", "1s"),
        ("redis: {addr: 'a:1', pool: {maxidle: 16, maxactive: 64, idletimeout: 300s}}", "redis.pool.idletimeout", "5m"),
        ("health: {storagedriver: {enabled: true, interval: 0, threshold: 0}}", "health.storagedriver.interval", "10s"),
        ("health: {storagedriver: {enabled: true, threshold: -3}}", "health.storagedriver.threshold", 1),
        ("health: {http: [{uri: 'http://a', statuscode: 0}]}", "health.http.0.statuscode", 200),
        ("health: {tcp: [{addr: 'a:1'}]}", "health.tcp.0.timeout", "0s"),
        ("proxy: {ttl: 0}", "proxy.ttl", "0s"),
        ("catalog: {maxentries: -5}", "catalog.maxentries", 1000),
        ("catalog: {maxentries: 0}", "catalog.maxentries", 1000),
        ("catalog: {maxentries: 7}", "catalog.maxentries", 7),
        ("tags: {maxtags: 0}", "tags.maxtags", 1000),
        ("policy: {repository: {classes: [image]}}", "policy.repository.classes", ["image"]),
        ("holdfast: {uploads: {minchunk: 5MiB}}", "holdfast.uploads.minchunk", 5 * 1024 * 1024),
        ("holdfast: {uploads: {minchunk: 5MB}}", "holdfast.uploads.minchunk", 5_000_000),
        ("holdfast: {http: {bodytimeout: 30s}}", "holdfast.http.bodytimeout", "30s"),
        ("validation: ", "validation.platforms", "all"),
        ("validation: {manifests: {indexes: {platforms: NONE}}}", "validation.platforms", "none"),
        ("validation: {disabled: true}", "validation.platforms", "none"),
        ("validation: {disabled: true, enabled: true}", "validation.platforms", "all"),
        ("validation: {manifests: {indexes: {platforms: list}}}", "validation.platforms", "all"),
        ("holdfast: {manifests: {sparseindexes: true}}", "index_platforms", "none"),
        ("holdfast: {manifests: {sparseindexes: false}}", "index_platforms", "all"),
    ],
)
def test_a_value_comes_to_what_it_comes_to_for_distribution(section: str, path: str, expected: object) -> None:
    """Values are read, and zero and nothing become the default, where Distribution has it so."""
    actual = plain(value_at(parse(_text(section)), path))

    assert expected == actual


def test_platforms_are_pairs() -> None:
    """The list of platforms is ready to be asked."""
    section = "validation: {manifests: {indexes: {platforms: list, platformlist: [{os: linux, architecture: arm64}]}}}"

    actual = parse(_text(section)).validation

    assert ("list", frozenset({("linux", "arm64")})) == (actual.platforms, actual.platform_list)


@pytest.mark.parametrize(
    ("urls", "url", "expected"),
    [
        ({}, "https://a.example/", False),
        ({"allow": ["^https://a"]}, "https://a.example/", True),
        ({"allow": ["^https://a"]}, "https://b.example/", False),
        ({"allow": ["^ftp:", "example/$"]}, "https://b.example/", True),
        ({"allow": ["^https://"], "deny": [r"^https://b\."]}, "https://b.example/", False),
        ({"deny": ["^https://b"]}, "https://a.example/", True),
        ({"deny": ["^https://b"]}, "https://b.example/", False),
        ({"allow": [r"(?i)^HTTPS://\pL+\.example/\z"]}, "https://a.example/", True),
    ],
)
def test_urls_are_allowed_as_distribution_allows_them(urls: dict[str, list[str]], url: str, expected: object) -> None:
    """Nothing said allows nothing; one of the allowed must match, and none of the denied; the syntax is Go's."""
    section = yaml.safe_dump({"validation": {"manifests": {"urls": urls}}})

    validation = parse(_text(section)).validation
    allowed = validation.allowed_urls

    assert expected == (
        (allowed is None or any(pattern.search(url) for pattern in allowed))
        and not any(pattern.search(url) for pattern in validation.denied_urls)
    )


def test_disabled_validation_allows_any_url() -> None:
    """Switched off, neither list counts."""
    section = "validation: {disabled: true, manifests: {urls: {allow: [a], deny: [b]}}}"

    actual = parse(_text(section)).validation

    assert (None, ()) == (actual.allowed_urls, actual.denied_urls)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("log: {formatter: xml}", "log.formatter: input should be 'text', 'json' or 'logstash'"),
        ("log: {hooks: [{levels: [panic]}]}", "log.hooks.0.type: is required"),
        (_mail("[loud]"), "log.hooks.0.levels.0: input should be 'panic', 'fatal',"),
        (_mail(options="{}"), "log.hooks.0: a mail needs options.smtp.addr, options.from and options.to"),
        (_mail(options="{smtp: {addr: mail.example}}"), "log.hooks.0.options.smtp.addr: 'mail.example' lacks a port"),
        (_mail(options="{smtp: {addr: ':25'}}"), "log.hooks.0.options.smtp.addr: needs the mail server's name"),
        (
            "storage: {bare: , cache: {blobdescriptor: disk}}",
            "storage.cache.blobdescriptor: input should be 'inmemory'",
        ),
        (
            "storage: {bare: , tag: {concurrencylimit: -1}}",
            "storage.tag.concurrencylimit: input should be greater than",
        ),
        ("storage: {bare: , tag: {concurrencylimit: 1.5}}", "storage.tag.concurrencylimit: needs a whole number"),
        ("storage: {bare: , tag: {concurrencylimit: 99999999999999999999}}", "storage.tag.concurrencylimit: is larger"),
        (f"storage: {{bare: , tag: {{concurrencylimit: {'9' * 6000}}}}}", "storage.tag.concurrencylimit: is larger"),
        (
            "storage: {bare: , maintenance: {uploadpurging: {interval: 0}}}",
            "storage.maintenance.uploadpurging.interval: ",
        ),
        ("storage: {bare: , delete: {enabled: 1}}", "storage.delete.enabled: needs true or false"),
        ("storage: {bare: , delete: true}", "storage.delete: needs keys and values below it"),
        ("storage: {driver: s3}", "storage: driver needs parameters as `key: value`"),
        ("auth: {silly: {realm: a, service: b}, none: }", "auth: names 2 kinds (silly, none); it can have one"),
        ("auth: {htpaswd: {}}", "auth.htpaswd: is unknown; did you mean 'htpasswd'?"),
        ("auth: htpasswd", "auth.htpasswd.realm: is required"),
        ("auth: {token: {realm: r, service: s, issuer: i}}", "auth.token: needs rootcertbundle or jwks"),
        ("middleware: {disk: []}", "middleware.disk: is unknown (known: registry, repository, storage)"),
        ("http: {net: udp}", "http.net: input should be 'tcp' or 'unix'"),
        ("http: {net: unix}", "http: net: unix needs the path of a socket as addr"),
        ("http: {net: unix, addr: ':5000'}", "http: addr needs to be the absolute path of a socket"),
        ("http: {unix: /x}", "http: unix is no key"),
        ("http: {prefix: a/}", "http.prefix: needs a path that begins and ends with a slash"),
        ("http: {prefix: /a/../b/}", "http.prefix: needs a path"),
        ("http: {prefix: '/a b/'}", "http.prefix: needs a path"),
        ("http: {prefix: //}", "http.prefix: needs a path"),
        ("http: {host: r.example}", "http.host: needs a whole URL"),
        ("http: {host: 'https://r.example/sub'}", "http.host: needs a URL with nothing behind"),
        ("http: {host: 'https://u:hush@r.example'}", "http.host: needs a URL with nothing behind"),
        ("http: {host: 'https://r.example:hush'}", "http.host: isn't a URL"),
        ("http: {host: 'https://[r'}", "http.host: isn't a URL"),
        ("http: {headers: {A: b}}", "http.headers.A: needs a list"),
        ("http: {headers: {'A B': [b]}}", "http.headers: 'A B' can't be the name of a header field"),
        ('http: {headers: {A: ["b\\r\\nC: d"]}}', "http.headers: A has a character that no header field can have"),
        ("http: {tls: {certificate: c}}", "http.tls: has a certificate and no key"),
        ("http: {tls: {minimumtls: ssl3}}", "http.tls.minimumtls: input should be 'tls1.0',"),
        ("http: {tls: {clientauth: please}}", "http.tls.clientauth: input should be 'request-client-cert',"),
        ("http: {tls: {ciphersuites: [TLS_ROT13]}}", "http.tls.ciphersuites.0: input should be 'TLS_RSA_WITH_RC4"),
        ("http: {tls: {ciphersuites: TLS_ROT13}}", "http.tls.ciphersuites: needs a list"),
        ("http: {debug: {addr: here}}", "http.debug.addr: 'here' lacks a port"),
        ("http: {debug: {prometheus: {path: metrics}}}", "http.debug.prometheus.path: needs a path"),
        ("notifications: {endpoints: [{name: a}]}", "notifications.endpoints.0.url: is required"),
        ("notifications: {endpoints: {name: a}}", "notifications.endpoints: needs a list"),
        ("health: {file: [{}]}", "health.file.0.file: is required"),
        ("health: {http: [{uri: /x}]}", "health.http.0.uri: needs a whole URL"),
        ("health: {tcp: [{addr: x}]}", "health.tcp.0.addr: 'x' lacks a port"),
        ("proxy: {username: [a]}", "proxy.username: needs text"),
        ("tags: {maxtags: -1}", "tags.maxtags: input should be greater than or equal to 0"),
        ("validation: {manifests: {urls: {allow: ['(']}}}", "validation.manifests.urls.allow.0: isn't a regular expr"),
        (
            "validation: {manifests: {urls: {deny: ['(?=a)']}}}",
            "validation.manifests.urls.deny.0: isn't a regular expr",
        ),
        (
            "validation: {manifests: {indexes: {platforms: some}}}",
            "validation.manifests.indexes.platforms: input should",
        ),
        ("holdfast: {uploads: {minchunk: big}}", "holdfast.uploads.minchunk: needs a size, such as 5242880 or 5MiB"),
        ("holdfast: {uploads: {minchunk: 5 parsecs}}", "holdfast.uploads.minchunk: needs a size"),
        ("holdfast: {http: {bodytimeout: 0}}", "holdfast.http.bodytimeout: "),
        ("holdfast: {quick: true}", "holdfast.quick: is unknown (known: repositories, manifests, uploads, http)"),
    ],
)
def test_what_is_wrong_is_told_by_its_path(section: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Each wrong value is one line with its dotted path, without what may be secret; nothing else is printed."""
    with pytest.raises(ConfigurationError) as caught:
        parse(_text(section), source="c.yml")
    actual = str(caught.value).partition(": ")[2]

    assert message == actual[: len(message)]
    assert "hush" not in actual
    assert "\n" not in actual
    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize("section", [[], "x", ["http"], {"a": {}}, [{}], 7, True])
@pytest.mark.parametrize(
    "name",
    [
        "log",
        "auth",
        "middleware",
        "http",
        "notifications",
        "redis",
        "health",
        "proxy",
        "validation",
        "catalog",
        "holdfast",
    ],
)
def test_a_section_of_another_kind_is_an_error(name: str, section: Any) -> None:
    """Whatever stands where a section belongs, it is one line with the section's name, never a traceback."""
    with pytest.raises(ConfigurationError, match=f"{name}"):
        parse(_text(yaml.safe_dump({name: section})))
