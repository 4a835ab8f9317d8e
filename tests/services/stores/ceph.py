"""Ceph's object gateway on a cluster of one: a monitor, a storage daemon and radosgw."""

import os
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from tests.services.server import free_port
from tests.services.tools import TOOLS, find_tool

from .certificate import Certificate, issue
from .exchange import ask
from .process import StoreProcess, StoreServer, run_to_end
from .s3 import S3Service

__all__ = ["LACKS", "STORAGE_CLASSES", "Ceph", "CephPrograms"]

LACKS: Mapping[str, str] = {
    "checksum_trailers": "an upload whose checksum comes after its content is refused, over http and https",
    "create_only_on_complete": "CompleteMultipartUpload ignores If-None-Match, and replaces what is there",
    "encryption_is_shown": "HEAD doesn't say that an object is encrypted with AES256",
    "etag_on_complete": "CompleteMultipartUpload answers an empty ETag; HEAD has the right one",
    "match_on_copy": "CopyObject ignores x-amz-copy-source-if-match where the ETag has its quotes",
    "match_on_put": "PutObject answers 412 to an If-Match where the ETag has its quotes; without them it is right",
    "unknown_upload_on_complete": "completing an upload that isn't there is answered with 500, as if it were under way",
    "unknown_upload_on_list": "listing the parts of an upload that isn't there is answered with NoSuchKey",
}
"""What S3 does and Ceph 16.2 does not, by a name of ours; a test tries each."""

STORAGE_CLASSES = ("STANDARD_IA", "REDUCED_REDUNDANCY")
"""The storage classes that it has besides STANDARD."""

_NAMES = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "osdmaptool")

# A cluster for one run: no authentication inside, one copy of everything, small pools, a monitor that commits at once.
_CONFIG = """
[global]
fsid = {fsid}
mon_host = v1:127.0.0.1:{mon_port}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr2 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = {folder}
crash_dir = {folder}
admin_socket =
pid_file =
log_file =
log_to_stderr = true
debug_rocksdb = 0
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
{plugins}
[mon]
mon_data = {folder}/mon
mon_data_avail_crit = 0
mon_max_pg_per_osd = 1000
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
paxos_propose_interval = 0.05
paxos_min_wait = 0.02
[osd]
osd_data = {folder}/osd
osd_objectstore = {objectstore}
osd_class_update_on_start = false
osd_crush_update_on_start = false
osd_memory_target = 939524096
osd_max_object_name_len = 2048
osd_scrub_load_threshold = 0
memstore_device_bytes = 4294967296
bluestore_block_size = 21474836480
bluestore_fsck_on_mkfs = false
[client.rgw.a]
rgw_data = {folder}/rgw
# Without tcp_nodelay, small answers come 40 ms late.
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1 \
ssl_endpoint=127.0.0.1:{tls_port} ssl_certificate={tls.chain} ssl_private_key={tls.key}
rgw_zone = default
rgw_enable_usage_log = false
rgw_thread_pool_size = 32
# Several objects of one DeleteObjects at a time are a race in 16.2 that ends the gateway by a segmentation fault.
rgw_multi_obj_del_max_aio = 1
rgw_gc_obj_min_wait = 60
rgw_gc_processor_period = 60
rgw_crypt_require_ssl = false
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = testkey-1=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CephPrograms:
    """Where Ceph's programs are.

    Attributes:
        paths: The executables, by name.
        environment: What they need in their environment.
        plugins: The folder of their plugins, where it isn't the one that they were built with.
    """

    paths: Mapping[str, Path]
    environment: Mapping[str, str]
    plugins: Path | None

    @classmethod
    def find(cls) -> Self | None:
        """Returns them as `scripts/install-stores` unpacked them, else as they are on PATH, else None."""
        found = {name: tool for name in _NAMES if (tool := find_tool(name)) is not None}
        if len(found) < len(_NAMES):
            return None
        environment = dict(os.environ)
        for tool in found.values():
            environment |= tool.env
        unpacked = found["ceph-osd"].path.is_relative_to(TOOLS)
        return cls(
            paths={name: tool.path for name, tool in found.items()},
            environment=environment,
            plugins=TOOLS / "lib" if unpacked else None,
        )

    def configuration(self) -> str:
        """Returns what the configuration says of where the plugins are."""
        if self.plugins is None:
            return ""
        return f"plugin_dir = {self.plugins}\nerasure_code_dir = {self.plugins}\nosd_class_dir = {self.plugins}"


class Ceph(StoreServer[S3Service]):
    """A cluster that is thrown away, with a gateway for one user, over http and https.

    Args:
        folder: A folder for all that it writes.
        programs: Its programs.
        in_memory: Keep objects in memory instead of in files: it starts in a second instead of five.
    """

    name: ClassVar[str] = "ceph"

    def __init__(self, folder: Path, *, programs: CephPrograms, in_memory: bool = False) -> None:
        super().__init__(folder)
        self._programs = programs
        self._in_memory = in_memory

    def launch(self, folder: Path) -> S3Service:
        """Makes a cluster and starts its daemons, one after the other."""
        cluster = _Cluster(folder, self._programs, in_memory=self._in_memory)
        cluster.make_monitor()
        self.run(cluster.daemon("ceph-mon", "-i", "a", port=cluster.mon_port))
        cluster.make_storage()
        # Nobody has to know its ports; the user's pools are made when it takes part in the cluster.
        self.run(cluster.daemon("ceph-osd", "-i", "0"))
        cluster.make_user()
        self.run(cluster.daemon("radosgw", "-n", "client.rgw.a", port=cluster.port, ready=cluster.answers))
        return cluster.service()


class _Cluster:
    """The files and commands of one cluster."""

    def __init__(self, folder: Path, programs: CephPrograms, *, in_memory: bool) -> None:
        self._folder = folder
        self._programs = programs
        self._tls: Certificate = issue(folder)
        self._fsid = str(uuid.uuid4())
        self._access_key, self._secret_key = f"ceph{secrets.token_hex(8)}", secrets.token_hex(20)
        self.mon_port, self.port, self._tls_port = free_port(), free_port(), free_port()
        self._config = folder / "ceph.conf"
        for name in ("mon", "osd", "rgw"):
            (folder / name).mkdir()
        text = _CONFIG.format(
            fsid=self._fsid,
            folder=folder,
            mon_port=self.mon_port,
            port=self.port,
            tls_port=self._tls_port,
            tls=self._tls,
            objectstore="memstore" if in_memory else "bluestore",
            plugins=programs.configuration(),
        )
        self._config.write_text(text)

    def answers(self) -> bool:
        """Whether the gateway answers."""
        return ask("GET", f"http://127.0.0.1:{self.port}/").status == 200

    def daemon(
        self, name: str, *identity: str, port: int | None = None, ready: Callable[[], bool] = lambda: True
    ) -> StoreProcess:
        """One of the daemons, in the foreground."""
        return StoreProcess(
            name=name,
            command=[self._programs.paths[name], "-f", *identity, "-c", self._config],
            folder=self._folder,
            port=port,
            ready=ready,
            environment=self._programs.environment,
            # The gateway would wait for its timers, some seconds.
            grace=0.5,
        )

    def make_monitor(self) -> None:
        """Makes the maps of the cluster, with one storage daemon in it, and the monitor's data."""
        monitors, daemons = self._folder / "monmap", self._folder / "osdmap"
        address = f"[v1:127.0.0.1:{self.mon_port}]"
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", address, monitors)
        self._run("osdmaptool", "--createsimple", "1", daemons)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monitors, "--osdmap", daemons)

    def make_storage(self) -> None:
        """Makes the storage daemon's data; the monitor must run."""
        self._run("ceph-osd", "-i", "0", "--mkfs")

    def make_user(self) -> None:
        """Makes the gateway's pools, its user and its storage classes."""
        keys = (f"--access-key={self._access_key}", f"--secret-key={self._secret_key}")
        self._administer("user", "create", "--uid=test", "--display-name=test", *keys)
        placement = ("placement", "add", "--placement-id=default-placement")
        for name in STORAGE_CLASSES:
            self._administer("zonegroup", *placement, "--rgw-zonegroup=default", f"--storage-class={name}")
            pool = "--data-pool=default.rgw.buckets.data"
            self._administer("zone", *placement, "--rgw-zone=default", f"--storage-class={name}", pool)

    def service(self) -> S3Service:
        """What the gateway serves."""
        return S3Service(
            name=Ceph.name,
            endpoint=f"http://127.0.0.1:{self.port}",
            access_key=self._access_key,
            secret_key=self._secret_key,
            lacks=LACKS,
            tls_endpoint=f"https://127.0.0.1:{self._tls_port}",
            authority=self._tls.authority,
        )

    def _administer(self, *arguments: str) -> None:
        self._run("radosgw-admin", "-n", "client.rgw.a", *arguments)

    def _run(self, name: str, *arguments: str | Path) -> None:
        command = [self._programs.paths[name], *arguments, "-c", self._config]
        run_to_end(command, environment=self._programs.environment)
