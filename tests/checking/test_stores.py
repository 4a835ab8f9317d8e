"""The check on real object stores: what passes, and what is said of everything that an operator can get wrong."""

import json
import subprocess
from dataclasses import replace

import pytest

from holdfast.checking import Report, Subject, check_storage
from tests.checking.boxes import QUICK, names, without
from tests.services.holdfast_server import HOLDFAST
from tests.services.stores.azurite import AzuriteService
from tests.services.stores.exchange import demand
from tests.services.stores.fake_gcs import FakeGcsService
from tests.services.stores.oss.service import OssService
from tests.services.stores.s3 import S3Bucket, S3Service

pytestmark = pytest.mark.anyio


_MIB = 1024 * 1024
_PLAN = replace(QUICK, size=6 * _MIB)
"""With parts of 5 MiB, the least that S3 has, the large file has two."""


async def _check(fresh: S3Bucket, **options: object) -> Report:
    parameters = fresh.parameters(**{"chunksize": 5 * _MIB, **options})
    return await check_storage(Subject.named("s3", parameters), _PLAN)


def _deny(bucket: S3Bucket, action: str) -> None:
    """Deny an action to everybody."""
    resources = [f"arn:aws:s3:::{bucket.name}", f"arn:aws:s3:::{bucket.name}/*"]
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resources}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()
    demand(bucket.ask("PUT", query={"policy": ""}, body=policy), f"deny {action}")


def _allow(bucket: S3Bucket) -> None:
    """Deny nothing any more."""
    demand(bucket.ask("DELETE", query={"policy": ""}), "deny nothing")


def _permissions(report: Report) -> set[str]:
    return {name for finding in report.failed if finding.problem for name in finding.problem.permissions}


def _remedies(report: Report) -> str:
    return "; ".join(finding.problem.remedy for finding in report.failed if finding.problem)


async def test_ceph(ceph: S3Service) -> None:
    """On Ceph all checks pass with the profile that fits, redirects that are followed included; nothing is left."""
    bucket = ceph.new_bucket()
    report = await _check(bucket, profile="ceph")

    assert without() == names(report, "ok")
    assert () == report.advice
    assert [] == bucket.leftovers()


async def test_a_large_file_that_is_too_small_for_parts(ceph: S3Service) -> None:
    """The driver's part size is known, and a file that has no more than one is told."""
    report = await check_storage(Subject.named("s3", ceph.new_bucket().parameters(profile="ceph")), QUICK)
    (warned,) = [finding for finding in report.findings if finding.outcome == "warning"]

    assert "large write" == warned.name
    assert "in one piece" in warned.notes[0]


@pytest.mark.parametrize(
    ("action", "failed"),
    [
        ("s3:DeleteObject", {"delete", "delete many", "delete directory", "move"}),
        ("s3:ListBucket", {"absent", "list", "walk"}),
        ("s3:PutObject", {"write"}),
        ("s3:GetObject", {"read", "stat", "range"}),
        ("s3:ListBucketMultipartUploads", {"abandoned uploads", "delete directory"}),
        ("s3:AbortMultipartUpload", {"abandoned uploads"}),
    ],
)
async def test_a_permission_that_is_lacking(ceph: S3Service, action: str, failed: set[str]) -> None:
    """It is told by its name, and by no other, with Ceph's own words; what can be removed is, the rest is named."""
    bucket = ceph.new_bucket()
    _deny(bucket, action)
    report = await _check(bucket, profile="ceph")
    _allow(bucket)
    keys = {key.removeprefix("upload:").removeprefix(".uploads~/").rstrip("~") for key in bucket.leftovers()}

    assert set() == failed - names(report, "failed")
    assert {action} == _permissions(report)
    assert any("AccessDenied" in (finding.problem.said or "") for finding in report.failed if finding.problem)
    assert () == report.advice
    assert keys == {path.removesuffix(" (unfinished)")[1:] for path in report.left}
    if action not in {"s3:DeleteObject", "s3:AbortMultipartUpload"}:
        assert set() == keys


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"secretkey": "wrong"}, "correct `secretkey`"),
        ({"accesskey": "wrong"}, "correct `accesskey`"),
        ({"bucket": "missing"}, "create the bucket"),
    ],
)
async def test_what_is_configured_wrongly(ceph: S3Service, options: dict[str, str], remedy: str) -> None:
    """A wrong key or bucket is told by what to correct, once."""
    report = await _check(ceph.new_bucket(), **options)

    assert 1 == len(report.failed)
    assert remedy in _remedies(report)
    assert () == report.left


async def test_a_profile_that_relies_on_less(ceph: S3Service) -> None:
    """An unknown host is taken to be able to do little; which profile fits is found out."""
    bucket = ceph.new_bucket()
    parameters = bucket.parameters(chunksize=5 * _MIB)
    report = await check_storage(Subject.named("s3aws", parameters), _PLAN)  # the driver's other name

    assert report.ready
    assert {"create only", "match version"} == names(report, "missing")
    assert ("with `profile: ceph` the store passes create only, match version",) == report.advice
    assert [] == bucket.leftovers()


async def test_a_profile_that_claims_too_much(ceph: S3Service) -> None:
    """A promise of the profile that the store doesn't keep fails, and which profile fits is found out."""
    report = await _check(ceph.new_bucket(), profile="minio")

    assert {"match version"} == names(report, "failed")
    assert ("with `profile: ceph` the store passes match version",) == report.advice


async def test_another_store_that_does_less(swift_s3: S3Service) -> None:
    """Swift's S3 doesn't replace by version: with another's profile that fails, and not to rely on it is the advice."""
    bucket = swift_s3.new_bucket()
    report = await _check(bucket, profile="ceph")
    (advice,) = report.advice

    assert "match version" in names(report, "failed")
    assert "generic" in advice
    assert "the registry doesn't rely on" in advice
    assert "match version" in advice
    assert [] == bucket.leftovers()


def test_who_we_are_is_told(ceph: S3Service) -> None:
    """The identity that the driver logs is in the report, and no secret is."""
    parameters = ceph.new_bucket().parameters(profile="ceph")
    given = [word for key, value in parameters.items() for word in ("--param", f"{key}={value}")]
    words = [str(HOLDFAST), "drivers", "check", "s3", *given, "--size", "1MiB", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr
    assert ceph.access_key in json.loads(done.stdout)["identity"]
    assert ceph.secret_key not in done.stdout + done.stderr


async def test_azurite(azurite: AzuriteService) -> None:
    """On Azurite all checks pass, and nothing is left."""
    bucket = azurite.new_bucket()
    report = await check_storage(Subject.named("azure", bucket.parameters(chunksize=5 * _MIB)), _PLAN)

    assert without() == names(report, "ok")
    assert [] == bucket.leftovers()


async def test_fake_gcs(fake_gcs: FakeGcsService) -> None:
    """On fake-gcs-server all checks pass, but for redirects, which need credentials to sign with; nothing is left."""
    bucket = fake_gcs.new_bucket()
    report = await check_storage(Subject.named("gcs", bucket.parameters()), _PLAN)

    assert without("redirect GET", "redirect HEAD") == names(report, "ok")
    assert {"redirect GET", "redirect HEAD"} == names(report, "missing")
    assert [] == bucket.leftovers()


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"accountkey": "d3Jvbmc="}, "correct `accountkey`"),
        ({"container": "missing"}, "create the container"),
    ],
)
async def test_what_is_configured_wrongly_for_azure(
    azurite: AzuriteService, options: dict[str, str], remedy: str
) -> None:
    """A wrong key or container is told by what to correct."""
    report = await check_storage(Subject.named("azure", azurite.new_bucket().parameters(**options)), _PLAN)

    assert 1 == len(report.failed)
    assert remedy in _remedies(report)


async def test_what_is_configured_wrongly_for_gcs(fake_gcs: FakeGcsService) -> None:
    """A missing bucket is told by what to correct."""
    parameters = fake_gcs.new_bucket().parameters(bucket="missing")
    report = await check_storage(Subject.named("gcs", parameters), _PLAN)

    assert 1 == len(report.failed)
    assert "create the bucket" in _remedies(report)


async def test_oss(oss: OssService) -> None:
    """On the fake of Alibaba Cloud's all checks pass, and nothing is left."""
    bucket = oss.new_bucket()
    report = await check_storage(Subject.named("oss", bucket.parameters(chunksize=5 * _MIB)), _PLAN)

    assert without("match version") == names(report, "ok")
    assert {"match version"} == names(report, "missing")
    assert [] == bucket.leftovers()


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"accesskeysecret": "wrong"}, "correct `accesskeysecret`"),
        ({"accesskeyid": "wrong"}, "correct `accesskeyid`"),
        ({"bucket": "missing"}, "create the bucket"),
        ({"region": "oss-cn-beijing"}, "correct `region`"),
    ],
)
async def test_what_is_configured_wrongly_for_oss(oss: OssService, options: dict[str, str], remedy: str) -> None:
    """A wrong key, bucket or region is told by what to correct."""
    report = await check_storage(Subject.named("oss", oss.new_bucket().parameters(**options)), _PLAN)

    assert 1 == len(report.failed)
    assert remedy in _remedies(report)
