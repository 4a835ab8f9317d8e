from holdfast.config import parse
from holdfast.config.reference import keys

# Keys that stand where they can't be asked of a configuration's models by their path alone.
_DEFAULTS = {
    "log.accesslog.disabled": "false",
    "log.level": "info",
    "log.formatter": "text",
    "log.reportcaller": "false",
    "storage.cache.blobdescriptorsize": "10000",
    "storage.delete.enabled": "false",
    "storage.maintenance.uploadpurging.enabled": "true",
    "storage.maintenance.uploadpurging.age": "168h",
    "storage.maintenance.uploadpurging.interval": "24h",
    "storage.maintenance.uploadpurging.dryrun": "false",
    "storage.maintenance.readonly.enabled": "false",
    "storage.redirect.disable": "false",
    "storage.tag.concurrencylimit": "0",
    "http.addr": "127.0.0.1:5000",
    "http.net": "tcp",
    "http.relativeurls": "false",
    "http.draintimeout": "30s",
    "http.tls.clientauth": "require-and-verify-client-cert",
    "http.tls.minimumtls": "tls1.2",
    "http.debug.prometheus.enabled": "false",
    "http.debug.prometheus.path": "/metrics",
    "http.http2.disabled": "false",
    "http.h2c.enabled": "false",
    "notifications.events.includereferences": "false",
    "notifications.endpoints[].timeout": "1s",
    "notifications.endpoints[].threshold": "10",
    "notifications.endpoints[].backoff": "1s",
    "health.storagedriver.enabled": "false",
    "health.storagedriver.interval": "10s",
    "health.storagedriver.threshold": "1",
    "health.http[].statuscode": "200",
    "health.http[].timeout": "0s",
    "health.tcp[].interval": "10s",
    "proxy.ttl": "168h",
    "proxy.cachewritetimeout": "5m",
    "validation.disabled": "false",
    "validation.manifests.indexes.platforms": "all",
    "catalog.maxentries": "1000",
    "tags.maxtags": "1000",
    "auth.token.autoredirectpath": "/auth/token/",
    "holdfast.repositories.delete": "false",
    "holdfast.manifests.sparseindexes": "false",
    "holdfast.uploads.minchunk": "0B",
    "holdfast.http.bodytimeout": "2m",
    "holdfast.http.bodymemory": "512MiB",
}


def test_every_key_is_described_in_words_of_its_own() -> None:
    """The reference has a description of each key, and each path once."""
    found = keys()

    assert [] == [info.path for info in found if len(info.description) < 4]
    assert len(found) == len({info.path for info in found})


def test_defaults_are_written_as_the_file_has_them() -> None:
    """The defaults are Distribution's, but for the documented ones, and can be copied into a file."""
    actual = {info.path: info.default for info in keys()}

    assert _DEFAULTS == {path: actual[path] for path in _DEFAULTS}


def test_a_file_with_every_default_means_the_same_as_one_without() -> None:
    """What the reference calls a default is what a key comes to that isn't in the file."""
    content: dict[str, object] = {}
    for path, default in _DEFAULTS.items():
        if "[]" not in path and not path.startswith("auth."):
            *sections, key = path.split(".")
            place: dict[str, object] = content
            for section in sections:
                below = place.setdefault(section, {})
                assert isinstance(below, dict)
                place = below
            place[key] = default
    variables = {f"REGISTRY_{name.upper()}": str(section) for name, section in content.items() if name != "storage"}

    actual = parse(b"version: 0.1\nstorage: bare", variables)

    assert parse(b"version: 0.1\nstorage: bare") == actual


def test_a_key_that_is_required_or_has_no_value_has_no_default() -> None:
    """Required keys are told as such."""
    infos = {info.path: info for info in keys()}

    assert {"version", "storage.DRIVER", "health.tcp[].addr"} <= {path for path, info in infos.items() if info.required}
    assert None is infos["http.secret"].default
    assert ("secret", "list of: text", "size") == (
        infos["http.secret"].type,
        infos["http.headers.NAME"].type,
        infos["holdfast.uploads.minchunk"].type,
    )
