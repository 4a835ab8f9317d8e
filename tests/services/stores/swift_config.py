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


def proxy_config(folder: Path, port: int, memcached: int, *, user: str, password: str) -> str:
    """Returns the configuration of the proxy, which clients talk to.

    Args:
        folder: Where everything is.
        port: Its own port.
        memcached: The port of memcached.
        user: The user, `account:name`, who may do everything in the account.
        password: The user's password.
    """
    account = user.partition(":")[0]
    url = f"http://127.0.0.1:{port}/v1/AUTH_{account}"
    settings = {
        **_SETTINGS,
        "cache": f"memcache_servers = 127.0.0.1:{memcached}",
        "tempauth": f"user_{user.replace(':', '_')} = {password} .admin {url}",
    }
    parts = [
        _COMMON.format(port=port, user=getpass.getuser(), folder=folder),
        _PROXY.format(pipeline=_PIPELINE),
        *(
            f"[filter:{name}]\nuse = egg:swift#{_EGGS.get(name, name)}\n{settings.get(name, '')}\n"
            for name in _PIPELINE.split()
        ),
    ]
    return "".join(parts)


# Filters that are called otherwise inside Swift.
_EGGS = {"cache": "memcache"}
