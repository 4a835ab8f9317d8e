"""What each example configuration of Distribution comes to: the values of the models, in plain form."""

from typing import Any

__all__ = ["EXPECTED"]

_NOSNIFF = {"http.headers": {"X-Content-Type-Options": ["nosniff"]}}
_STORAGE_CHECK = {
    "health.storagedriver.enabled": True,
    "health.storagedriver.interval": "10s",
    "health.storagedriver.threshold": 3,
}
_INMEMORY = {"storage.driver": "inmemory", "storage.parameters": {}}
_CACHED = {"storage.cache.blobdescriptor": "inmemory"}
_REDIS_CACHED = {"storage.cache.blobdescriptor": "redis"}
_TAGS_8 = {"storage.tag.concurrencylimit": 8}
_NO_PURGING = {"storage.maintenance.uploadpurging.enabled": False}
_SILLY = {"auth.kind": "silly", "auth.silly.realm": "silly", "auth.silly.service": "silly"}
_REDIS = {
    "redis.addrs": ["localhost:6379"],
    "redis.maxidleconns": 16,
    "redis.poolsize": 64,
    "redis.connmaxidletime": "5m",
    "redis.dialtimeout": "10ms",
    "redis.readtimeout": "10ms",
    "redis.writetimeout": "10ms",
}
_METRICS = {
    "http.debug.addr": ":5001",
    "http.debug.prometheus.enabled": True,
    "http.debug.prometheus.path": "/metrics",
}
_DEVELOPMENT_FIELDS = {"log.fields": {"service": "registry", "environment": "development"}}


def _filesystem(root: str, **more: str) -> dict[str, Any]:
    return {"storage.driver": "filesystem", "storage.parameters": {"rootdirectory": root} | more}


def _endpoint(index: int, **values: object) -> dict[str, Any]:
    return {f"notifications.endpoints.{index}.{name}": value for name, value in values.items()}


_IGNORING = _endpoint(
    0,
    ignoredmediatypes=["application/octet-stream"],
    ignore={"mediatypes": ["application/octet-stream"], "actions": ["pull"]},
)
_ENDPOINT_1 = _IGNORING | _endpoint(
    0, name="endpoint-1", url="http://example.com", headers={"Authorization": ["Bearer <example>"]}
)
_TLS = {
    "http.tls.certificate": "/path/to/x509/public",
    "http.tls.key": "/path/to/x509/private",
    "http.tls.clientcas": ["/path/to/ca.pem", "/path/to/another/ca.pem"],
    "http.tls.clientauth": "require-and-verify-client-cert",
    "http.tls.minimumtls": "tls1.2",
    "http.tls.letsencrypt.cachefile": "/path/to/cache-file",
    "http.tls.letsencrypt.email": "emailused@letsencrypt.com",
    "http.tls.letsencrypt.hosts": ["myregistryaddress.org"],
    "http.tls.letsencrypt.directoryurl": "https://acme-v02.api.letsencrypt.org/directory",
}
_HTTP = (
    _NOSNIFF
    | _TLS
    | {
        "http.addr": "localhost:5000",
        "http.net": "tcp",
        "http.prefix": "/my/nested/registry",
        "http.host": "https://myregistryaddress.org:5000",
        "http.secret": "asecretforlocaldevelopment",
        "http.relativeurls": False,
        "http.draintimeout": "1m",
        "http.debug.addr": "localhost:5001",
        "http.http2.disabled": False,
        "http.h2c.enabled": False,
    }
)
_TOKEN = {
    "auth.kind": "token",
    "auth.token.realm": "token-realm",
    "auth.token.service": "token-service",
    "auth.token.issuer": "registry-token-issuer",
    "auth.token.rootcertbundle": "/etc/certs/bundle",
    "auth.token.jwks": "/path/to/jwks",
}
_MIRROR = {
    "proxy.remoteurl": "https://registry-1.docker.io",
    "proxy.username": "username",
    "proxy.password": "password",
    "proxy.ttl": "168h",
}
_LOCAL = {
    "log.accesslog.disabled": False,
    "log.fields": {"environment": "local", "service": "registry"},
    "log.formatter": "text",
    "log.level": "debug",
    "http.addr": ":5000",
    "http.draintimeout": "5s",
    "http.secret": "hmacsecret",
} | _METRICS


def _s3_parameters(**values: str) -> dict[str, Any]:
    here = {"region": "us-east-1", "accesskey": "distribution", "secretkey": "password", "bucket": "images-local"}
    more = {"rootdirectory": "/registry-v2", "encrypt": "false", "chunksize": "33554432", "v4auth": "true"}
    return {"storage.driver": "s3", "storage.parameters": here | more | values}


def _mail_hook(server: str, sender: str, receiver: str, username: str, *, disabled: bool) -> dict[str, Any]:
    return {
        "log.hooks.0.type": "mail",
        "log.hooks.0.disabled": disabled,
        "log.hooks.0.levels": ["panic"],
        "log.hooks.0.options.smtp.addr": server,
        "log.hooks.0.options.smtp.username": username,
        "log.hooks.0.options.smtp.password": "password",
        "log.hooks.0.options.smtp.insecure": True,
        "log.hooks.0.options.from_": sender,
        "log.hooks.0.options.to": [receiver],
    }


def _middleware(name: str, kind: str = "storage", **options: str) -> dict[str, Any]:
    layer = f"middleware.{kind}.0"
    return {f"{layer}.name": name, f"{layer}.disabled": False, f"{layer}.options": options}


EXPECTED: dict[str, dict[str, Any]] = {
    "cache": _filesystem("/var/lib/registry-cache")
    | _REDIS_CACHED | _TAGS_8 | _NO_PURGING | _REDIS | _NOSNIFF | _STORAGE_CHECK | _MIRROR | _DEVELOPMENT_FIELDS
    | {
        "log.level": "debug",
        "http.addr": ":5000",
        "http.secret": "asecretforlocaldevelopment",
        "http.debug.addr": "localhost:5001",
        "notifications.events.includereferences": True,
    }
    | _endpoint(0, name="local-8082", url="http://localhost:5003/callback", timeout="1s", threshold=10, backoff="1s")
    | _endpoint(0, headers={"Authorization": ["Bearer <an example token>"]}, disabled=True)
    | _endpoint(1, name="local-8083", url="http://localhost:8083/callback", timeout="1s", threshold=10, backoff="1s")
    | _endpoint(1, headers={}, disabled=True),
    "dev": _filesystem("/var/lib/registry")
    | _CACHED | _TAGS_8 | _NO_PURGING | _NOSNIFF | _STORAGE_CHECK | _METRICS | _DEVELOPMENT_FIELDS
    | {"log.level": "debug", "storage.delete.enabled": True, "http.addr": ":5000"},
    "example": _filesystem("/var/lib/registry")
    | _CACHED | _TAGS_8 | _NOSNIFF | _STORAGE_CHECK
    | {"log.level": "info", "log.fields": {"service": "registry"}, "http.addr": ":5000"}
    | {"auth.kind": "htpasswd", "auth.htpasswd.realm": "basic-realm", "auth.htpasswd.path": "/etc/registry"},
    "macos": _filesystem("/srv/shared/registry")
    | _CACHED
    | {
        "log.level": "info",
        "log.fields": {"service": "registry", "environment": "macbook-air"},
        "http.addr": "0.0.0.0:5000",
        "http.secret": "mytokensecret",
        "http.debug.addr": "localhost:5001",
    },
    "e2e-cloud-storage": _s3_parameters(regionendpoint="http://minio:9000", forcepathstyle="true", secure="true")
    | _LOCAL | _REDIS_CACHED | _NO_PURGING | _REDIS
    | {"redis.addrs": ["redis:6379"], "redis.db": 0, "redis.dialtimeout": "5s", "storage.redirect.disable": True},
    "local-s3": _s3_parameters(regionendpoint="http://127.0.0.1:9000", secure="false", usefipsendpoint="false")
    | _LOCAL | _CACHED | _NO_PURGING
    | {"storage.delete.enabled": True},
    "parser-whole": _SILLY | _NOSNIFF | _ENDPOINT_1 | _REDIS
    | {
        "log.level": "info",
        "log.fields": {"environment": "test"},
        "storage.driver": "somedriver",
        "storage.parameters": {
            "string1": "string-value1",
            "string2": "string-value2",
            "bool1": "true",
            "bool2": "false",
            "int1": "42",
            "url1": "https://foo.example.com",
            "path1": "/some-path",
        },
        "storage.tag.concurrencylimit": 10,
        "catalog.maxentries": 1000,
        "tags.maxtags": 1000,
        "http.tls.clientcas": ["/path/to/ca.pem"],
        "http.tls.clientauth": "verify-client-cert-if-given",
        "redis.tls.certificate": "/foo/cert.crt",
        "redis.tls.key": "/foo/key.pem",
        "redis.tls.rootcas": ["/path/to/ca.pem"],
        "redis.username": "alice",
        "redis.password": "123456",
        "redis.db": 1,
        "validation.manifests.indexes.platforms": "none",
        "validation.platforms": "none",
    },
    "parser-inmemory": _INMEMORY | _SILLY | _NOSNIFF | _ENDPOINT_1
    | {"log.level": "info", "tags.maxtags": 1000, "validation.manifests.indexes.platforms": "none"},
    "options": _filesystem("/var/lib/registry", maxthreads="100")
    | _HTTP | _METRICS | _TAGS_8 | _REDIS_CACHED | _REDIS | _STORAGE_CHECK | _TOKEN | _MIRROR | _IGNORING
    | _mail_hook("mail.example.com:25", "sender@example.com", "errors@example.com", "mailuser", disabled=True)
    | _middleware("ARegistryMiddleware", "registry", foo="bar")
    | _middleware("ARepositoryMiddleware", "repository", foo="bar")
    | _middleware("redirect", baseurl="https://example.com/")
    | _endpoint(0, name="alistener", disabled=False, url="https://my.listener.com/event", headers={}, timeout="1s")
    | _endpoint(0, threshold=10, backoff="1s")
    | {
        "log.accesslog.disabled": True,
        "log.level": "debug",
        "log.formatter": "text",
        "log.fields": {"service": "registry", "environment": "staging"},
        "loglevel": "debug",
        "storage.delete.enabled": False,
        "storage.redirect.disable": False,
        "storage.cache.blobdescriptorsize": 10_000,
        "storage.maintenance.uploadpurging.enabled": True,
        "storage.maintenance.uploadpurging.age": "168h",
        "storage.maintenance.uploadpurging.interval": "24h",
        "storage.maintenance.uploadpurging.dryrun": False,
        "storage.maintenance.readonly.enabled": False,
        "auth.token.autoredirect": True,
        "auth.token.signingalgorithms": ["EdDSA", "HS256"],
        "catalog.maxentries": 1000,
        "tags.maxtags": 1000,
        "http.debug.addr": "localhost:5001",
        "notifications.events.includereferences": True,
        "redis.password": "asecret",
        "redis.db": 0,
        "redis.tls.certificate": "/path/to/cert.crt",
        "redis.tls.key": "/path/to/key.pem",
        "redis.tls.rootcas": ["/path/to/ca.pem"],
        "redis.tls.enabled": False,
        "health.file.0.file": "/path/to/checked/file",
        "health.file.0.interval": "10s",
        "health.http.0.uri": "http://server.to.check/must/return/200",
        "health.http.0.headers": {"Authorization": ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]},
        "health.http.0.statuscode": 200,
        "health.http.0.timeout": "3s",
        "health.http.0.interval": "10s",
        "health.http.0.threshold": 3,
        "health.tcp.0.addr": "redis-server.domain.com:6379",
        "health.tcp.0.timeout": "3s",
        "health.tcp.0.interval": "10s",
        "health.tcp.0.threshold": 3,
        "proxy.exec.command": "docker-credential-helper",
        "proxy.exec.lifetime": "1h",
        "validation.manifests.urls.allow": [r"^https?://([^/]+\.)*example\.com/"],
        "validation.manifests.urls.deny": [r"^https?://www\.example\.com/"],
        "validation.manifests.indexes.platforms": "list",
        "validation.manifests.indexes.platformlist": [{"architecture": "amd64", "os": "linux"}],
    },
    "options-azure": {
        "storage.driver": "azure",
        "storage.parameters": {
            "accountname": "accountname",
            "accountkey": "base64encodedaccountkey",
            "container": "containername",
            "rootdirectory": "/az/object/name/prefix",
            "credentials": {
                "type": "client_secret",
                "clientid": "client_id_string",
                "tenantid": "tenant_id_string",
                "secret": "secret_string",
            },
            "max_retries": "10",
            "retry_delay": "100ms",
        },
    },
    "options-gcs": {
        "storage.driver": "gcs",
        "storage.parameters": {
            "bucket": "bucketname",
            "keyfile": "/path/to/keyfile",
            "credentials": {
                "type": "service_account",
                "project_id": "project_id_string",
                "private_key_id": "private_key_id_string",
                "private_key": "private_key_string",
                "client_email": "client@example.com",
                "client_id": "client_id_string",
                "auth_uri": "http://example.com/auth_uri",
                "token_uri": "http://example.com/token_uri",
                "auth_provider_x509_cert_url": "http://example.com/provider_cert_url",
                "client_x509_cert_url": "http://example.com/client_cert_url",
            },
            "rootdirectory": "/gcs/object/name/prefix",
            "chunksize": "5242880",
        },
    },
    "options-s3": {
        "storage.driver": "s3",
        "storage.parameters": {
            "accesskey": "awsaccesskey",
            "secretkey": "awssecretkey",
            "region": "us-west-1",
            "regionendpoint": "http://myobjects.local",
            "forcepathstyle": "true",
            "accelerate": "false",
            "bucket": "bucketname",
            "encrypt": "true",
            "keyid": "mykeyid",
            "secure": "true",
            "v4auth": "true",
            "chunksize": "5242880",
            "multipartcopychunksize": "33554432",
            "multipartcopymaxconcurrency": "100",
            "multipartcopythresholdsize": "33554432",
            "rootdirectory": "/s3/object/name/prefix",
            "usedualstack": "false",
            "usefipsendpoint": "false",
            "loglevel": "debug",
        },
    },
    "options-inmemory": _INMEMORY
    | _CACHED
    | {"storage.cache.blobdescriptorsize": 10_000, "auth.kind": "silly"}
    | {"auth.silly.realm": "silly-realm", "auth.silly.service": "silly-service"},
    "options-htpasswd": _INMEMORY
    | {"auth.kind": "htpasswd", "auth.htpasswd.realm": "basic-realm", "auth.htpasswd.path": "/path/to/htpasswd"},
    "reference-http": _INMEMORY | _HTTP
    | {
        "http.tls.ciphersuites": [
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ]
    },
    "reference-hooks": _INMEMORY
    | _mail_hook("smtp.sendhost.com:25", "name@sendhost.com", "name@receivehost.com", "sendername", disabled=False),
    "reference-redis": _INMEMORY
    | {"redis.addrs": ["localhost:6379"], "redis.tls.rootcas": ["/path/to/ca-bundle.crt"]},
    "reference-rest": _INMEMORY | _TOKEN
    | {
        "storage.delete.enabled": True,
        "storage.redirect.disable": True,
        "auth.token.signingalgorithms": ["EdDSA", "HS256", "ES512"],
        "tags.maxtags": 100,
        "validation.disabled": False,
        "validation.active": True,
    },
    "development": _filesystem("/var/lib/registry")
    | {
        "log.level": "debug",
        "http.addr": "localhost:5000",
        "http.secret": "asecretforlocaldevelopment",
        "http.debug.addr": "localhost:5001",
    },
    "cloudfront": _INMEMORY
    | _middleware(
        "cloudfront",
        baseurl="http://d111111abcdef8.cloudfront.net",
        privatekey="/path/to/asecret.pem",
        keypairid="asecret",
        duration="60s",
    ),
    "garbage-collection": _filesystem("/registry/data"),
    "notifications": _INMEMORY
    | _endpoint(0, name="alistener", url="https://mylistener.example.com/event", timeout="500ms", threshold=5)
    | _endpoint(0, headers={"Authorization": ["Bearer <your token, if needed>"]}, backoff="1s", disabled=False),
    "mirror": _INMEMORY | _MIRROR,
    "rewrite": {
        "storage.driver": "azure",
        "storage.parameters": {"accountname": "ACCOUNT_NAME", "accountkey": "******", "container": "container-name"},
    }
    | _middleware(
        "rewrite", scheme="https", host="example-cdn-endpoint.azurefd.net", trimpathprefix="/container-name"
    ),
    "s3-cloudfront": {
        "storage.driver": "s3",
        "storage.parameters": {"region": "us-east-1", "bucket": "docker.myregistry.com"},
    }
    | _middleware(
        "cloudfront",
        baseurl="https://abcdefghijklmn.cloudfront.net/",
        privatekey="/etc/docker/cloudfront/pk-ABCEDFGHIJKLMNOPQRST.pem",
        keypairid="ABCEDFGHIJKLMNOPQRST",
    ),
}  # fmt: skip
