"""The section `redis`. Upstream keeps facts about blobs in Redis; it hands these keys to its client library."""

from pydantic import Field, SecretStr

from holdfast.config.scalars import Boolean, Integer
from holdfast.config.section import Section, below
from holdfast.duration import Duration

__all__ = ["RedisPoolSection", "RedisSection", "RedisTLSSection"]


class RedisTLSSection(Section):
    """How the connection is encrypted."""

    enabled: Boolean | None = Field(default=None, description="Means nothing, to upstream either: the files decide.")
    certificate: str | None = Field(default=None, description="A PEM file with the client's certificate.")
    key: str | None = Field(default=None, description="A PEM file with its private key.")
    rootcas: tuple[str, ...] = Field(default=(), description="PEM files with the authorities of the server.")


class RedisPoolSection(Section):
    """The connections, as upstream named them up to version 2.8."""

    maxidle: Integer | None = Field(default=None, description="Now `redis.maxidleconns`.")
    maxactive: Integer | None = Field(default=None, description="Now `redis.maxactiveconns`.")
    idletimeout: Duration | None = Field(default=None, description="Now `redis.connmaxidletime`.")


class RedisSection(Section):
    """A Redis server or cluster."""

    addrs: tuple[str, ...] = Field(default=(), description="Its addresses, as `HOST:PORT`; none for no Redis.")
    addr: str | None = Field(default=None, description="Up to version 2.8 of upstream; now `redis.addrs`.")
    pool: RedisPoolSection = below("Up to version 2.8 of upstream.")
    tls: RedisTLSSection = below("How the connection is encrypted.")
    clientname: str | None = Field(default=None, description="What the client calls itself.")
    db: Integer = Field(default=0, description="The number of the database.")
    protocol: Integer | None = Field(default=None, description="The version of Redis's protocol, 2 or 3.")
    username: str | None = Field(default=None, description="The name to log in with.")
    password: SecretStr | None = Field(default=None, description="The password to log in with.")
    sentinelusername: str | None = Field(default=None, description="The name to log in to sentinels with.")
    sentinelpassword: SecretStr | None = Field(default=None, description="The password to log in to sentinels with.")
    maxretries: Integer | None = Field(default=None, description="How often a command is tried again.")
    minretrybackoff: Duration | None = Field(default=None, description="The shortest wait before that.")
    maxretrybackoff: Duration | None = Field(default=None, description="The longest wait before that.")
    dialtimeout: Duration | None = Field(default=None, description="How long connecting may take.")
    readtimeout: Duration | None = Field(default=None, description="How long an answer may take.")
    writetimeout: Duration | None = Field(default=None, description="How long sending may take.")
    contexttimeoutenabled: Boolean = Field(default=False, description="Whether a request's own time limit counts.")
    poolfifo: Boolean = Field(default=False, description="Take the connection that has been idle longest.")
    poolsize: Integer | None = Field(default=None, description="How many connections there are at most.")
    pooltimeout: Duration | None = Field(default=None, description="How long to wait for one of them.")
    minidleconns: Integer | None = Field(default=None, description="How many idle connections are kept at least.")
    maxidleconns: Integer | None = Field(default=None, description="How many idle connections are kept at most.")
    maxactiveconns: Integer | None = Field(default=None, description="How many connections a cluster gets at most.")
    connmaxidletime: Duration | None = Field(default=None, description="How long a connection may be idle.")
    connmaxlifetime: Duration | None = Field(default=None, description="How long a connection may live.")
    maxredirects: Integer | None = Field(default=None, description="How many redirects of a cluster are followed.")
    readonly: Boolean = Field(default=False, description="Read from replicas of a cluster.")
    routebylatency: Boolean = Field(default=False, description="Send commands to the nearest node.")
    routerandomly: Boolean = Field(default=False, description="Send commands to any node.")
    mastername: str | None = Field(default=None, description="The name of the master that sentinels watch.")
    disableidentity: Boolean = Field(default=False, description="Don't tell the server the library's name.")
    identitysuffix: str | None = Field(default=None, description="What is appended to that name.")
    unstableresp3: Boolean = Field(default=False, description="Use what isn't final of the protocol's version 3.")
