"""The configuration of a Swift on one machine, as its servers read it."""

import getpass
from collections.abc import Mapping
from pathlib import Path

__all__ = ["proxy_config", "ring_script", "server_config", "swift_config"]

_SWIFT = """
[swift-hash]
swift_hash_path_prefix = of these tests
swift_hash_path_suffix = of these tests
[storage-policy:0]
name = one-copy
default = yes
"""

_COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
log_level = WARNING
# Its output is what is read. Without an address it would log to the machine's syslog.
log_udp_host = 127.0.0.1
log_udp_port = 9
"""

_SERVER = """
devices = {folder}/devices
mount_check = false
recon_cache_path = {folder}/cache
[pipeline:main]
pipeline = healthcheck {name}-server
[app:{name}-server]
use = egg:swift#{name}
[filter:healthcheck]
use = egg:swift#healthcheck
"""

_PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl s3api tempauth copy container_quotas"
    " account_quotas slo dlo versioned_writes symlink"
)

_AT_KEYSTONE = {"tempauth": "authtoken keystoneauth", "s3api": ""}
"""The filters that take the place of others where Keystone says who may do what."""

_DYNAMIC_ALONE = {"slo": "", "s3api": "", "bulk": ""}
"""What an old cluster has in the place of filters: nothing."""

_SETTINGS = {
    "tempurl": "methods = GET HEAD PUT POST DELETE\nallowed_digests = sha1 sha256 sha512",
    "s3api": "s3_acl = false\nlocation = us-east-1\nallow_multipart_uploads = true\nmin_segment_size = 5242880",
    "versioned_writes": "allow_versioned_writes = true\nallow_object_versioning = true",
}

_PROXY = """
expose_info = true
[pipeline:main]
pipeline = {pipeline} proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
"""

_AUTHTOKEN = """
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {url}
auth_url = {url}
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = swift
password = {password}
delay_auth_decision = True
cache = swift.cache
"""

_PATIENT = """
memcache_max_connections = 100
connect_timeout = 10
pool_timeout = 10
io_timeout = 10
error_suppression_limit = 1000000
"""
"""Tokens are nowhere but in memcached: on a busy machine Swift gives it up, and knows nobody for a minute."""

_RINGS = """
import sys
from swift.common.ring import RingBuilder
for name, port in {ports}.items():
    builder = RingBuilder(4, 1, 1)
    address = dict(ip="127.0.0.1", port=port, replication_ip="127.0.0.1", replication_port=port)
    builder.add_dev(dict(id=0, region=1, zone=1, device="d1", weight=1.0, meta="", **address))
    builder.rebalance()
    builder.get_ring().save(sys.argv[1] + "/" + name + ".ring.gz")
"""


def swift_config() -> str:
    """Returns what all servers read."""
    return _SWIFT


def ring_script(ports: Mapping[str, int]) -> str:
    """Returns a script for Swift's Python that writes the rings, the maps of who keeps what, into a folder."""
    return _RINGS.format(ports=dict(ports))


def server_config(name: str, folder: Path, port: int) -> str:
    """Returns the configuration of a storage server: `account`, `container` or `object`."""
    common = _COMMON.format(port=port, user=getpass.getuser(), folder=folder)
    return common + _SERVER.format(name=name, folder=folder)


def proxy_config(
    folder: Path,
    port: int,
    memcached: int,
    *,
    users: Mapping[str, str],
    dynamic_alone: bool = False,
    keystone: tuple[str, str] | None = None,
) -> str:
    """Returns the configuration of the proxy, which clients talk to.

    Args:
        folder: Where everything is.
        port: Its own port.
        memcached: The port of memcached.
        users: The users, `account:name`, each with a password; the first may do everything in the account.
        dynamic_alone: Large objects are dynamic ones only, and nothing is deleted in bulk.
        keystone: The URL of Keystone's version 3, and the password that Swift has there; `None` where Swift knows its
            users itself.
    """
    url = f"http://127.0.0.1:{port}/v1/AUTH_{next(iter(users)).partition(':')[0]}"
    lines = [
        f"user_{user.replace(':', '_')} = {password} {'.admin' if number == 0 else ''} {url}"
        for number, (user, password) in enumerate(users.items())
    ]
    settings = {
        **_SETTINGS,
        "cache": f"memcache_servers = 127.0.0.1:{memcached}\n{_PATIENT}",
        "tempauth": "\n".join(lines),
        "keystoneauth": "operator_roles = admin, member\nreseller_prefix = AUTH",
    }
    others = (_AT_KEYSTONE if keystone else {}) | (_DYNAMIC_ALONE if dynamic_alone else {})
    pipeline = " ".join(others.get(name, name) for name in _PIPELINE.split()).split()
    parts = [
        _COMMON.format(port=port, user=getpass.getuser(), folder=folder),
        _PROXY.format(pipeline=" ".join(pipeline)),
    ]
    for name in pipeline:
        if name == "authtoken" and keystone:
            parts.append(f"[filter:authtoken]{_AUTHTOKEN.format(url=keystone[0], password=keystone[1])}\n")
        else:
            parts.append(f"[filter:{name}]\nuse = egg:swift#{_EGGS.get(name, name)}\n{settings.get(name, '')}\n")
    return "".join(parts)


# Filters that are called otherwise inside Swift.
_EGGS = {"cache": "memcache"}
