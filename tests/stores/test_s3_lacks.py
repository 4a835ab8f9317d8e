"""What the stores that speak S3 are said to lack, they do lack: what one has learnt is no longer declared."""

import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from xml.etree import ElementTree as ET

import pytest

from tests.services.stores import ceph as ceph_store
from tests.services.stores import moto as moto_store
from tests.services.stores import swift as swift_store
from tests.services.stores.exchange import Answer, ask, demand
from tests.services.stores.s3 import S3Bucket, S3Service
from tests.services.stores.signature import TRAILER, signed

_OTHER_ETAG = f'"{"0" * 32}"'
_UNKNOWN = {"uploadId": "nothing"}
_COMPLETION = (
    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>"
)


def _code(answer: Answer) -> str:
    return ET.fromstring(answer.body).findtext("{*}Code") or ""


def _complete(bucket: S3Bucket, key: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Uploads an object of one part, and returns what the last request is answered."""
    begun = demand(bucket.ask("POST", key, {"uploads": ""}), "begin")
    upload = {"uploadId": ET.fromstring(begun.body).findtext("{*}UploadId") or ""}
    part = demand(bucket.ask("PUT", key, {**upload, "partNumber": "1"}, body=b"part"), "part")
    body = _COMPLETION.format(part.headers["etag"]).encode()
    return bucket.ask("POST", key, upload, body=body, headers=headers)


def _complete_unknown(bucket: S3Bucket) -> Answer:
    bucket.put("a", b"1")
    return bucket.ask("POST", "a", _UNKNOWN, body=_COMPLETION.format(_OTHER_ETAG).encode())


def _put_matching(bucket: S3Bucket) -> Answer:
    bucket.put("a", b"1")
    etag = bucket.ask("HEAD", "a").headers["etag"]
    return bucket.ask("PUT", "a", body=b"2", headers={"If-Match": etag})


def _copy_matching_other(bucket: S3Bucket) -> Answer:
    bucket.put("a", b"1")
    headers = {"x-amz-copy-source": f"/{bucket.name}/a", "x-amz-copy-source-if-match": _OTHER_ETAG}
    return bucket.ask("PUT", "b", headers=headers)


def _put_trailer(bucket: S3Bucket, endpoint: str) -> Answer:
    url = f"{endpoint}/{bucket.name}/a"
    checksum = b64encode(zlib.crc32(b"one").to_bytes(4))
    body = b"3\r\none\r\n0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n"
    told = {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": "3",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    service = bucket.service
    keys = (service.access_key, service.secret_key)
    headers = signed("PUT", url, headers=told, body=body, keys=keys, region=service.region, content=TRAILER)
    return ask("PUT", url, headers=headers, body=body, authority=service.authority)


def _put_other(bucket: S3Bucket) -> Answer:
    """Sends other content than was signed, in the right size."""
    service, url = bucket.service, f"{bucket.service.endpoint}/{bucket.name}/a"
    keys = (service.access_key, service.secret_key)
    return ask("PUT", url, headers=signed("PUT", url, body=b"one", keys=keys, region=service.region), body=b"two")


def _put_encrypted(bucket: S3Bucket) -> Answer:
    return bucket.ask("PUT", "a", body=b"1", headers={"x-amz-server-side-encryption": "AES256"})


def _refuses_trailers(bucket: S3Bucket) -> bool:
    endpoints = (bucket.service.endpoint, bucket.service.tls_endpoint or "")
    return all(_put_trailer(bucket, endpoint).status == 400 for endpoint in endpoints)


def _replaces_on_complete(bucket: S3Bucket) -> bool:
    bucket.put("a", b"1")
    _complete(bucket, "a", {"If-None-Match": "*"})
    return bucket.get("a") == b"part"


def _hides_encryption(bucket: S3Bucket) -> bool:
    demand(_put_encrypted(bucket), "put")
    return "x-amz-server-side-encryption" not in bucket.ask("HEAD", "a").headers


def _completes_without_etag(bucket: S3Bucket) -> bool:
    answer = demand(_complete(bucket, "a"), "complete")
    return not ET.fromstring(answer.body).findtext("{*}ETag")


def _lists_unknown_as_key(bucket: S3Bucket) -> bool:
    return _code(bucket.ask("GET", "a", _UNKNOWN)) == "NoSuchKey"


def _fails_presigned(bucket: S3Bucket) -> bool:
    bucket.put("a", b"1")
    return ask("GET", bucket.service.presigned("GET", f"/{bucket.name}/a")).status == 500


def _fails_unknown_part(bucket: S3Bucket) -> bool:
    return bucket.ask("PUT", "a", {**_UNKNOWN, "partNumber": "1"}, body=b"1").status == 500


def _misjudges_anonymous(bucket: S3Bucket) -> bool:
    return ask("GET", f"{bucket.service.endpoint}/{bucket.name}/a").status == 400


def _has_one_class(bucket: S3Bucket) -> bool:
    return bucket.ask("PUT", "a", headers={"x-amz-storage-class": "STANDARD_IA"}).status == 400


_Probes = Mapping[str, Callable[[S3Bucket], bool]]

_CEPH: _Probes = {
    "checksum_trailers": _refuses_trailers,
    "create_only_on_complete": _replaces_on_complete,
    "encryption_is_shown": _hides_encryption,
    "etag_on_complete": _completes_without_etag,
    "match_on_copy": lambda bucket: _copy_matching_other(bucket).status == 200,
    "match_on_put": lambda bucket: _put_matching(bucket).status == 412,
    "unknown_upload_on_complete": lambda bucket: _complete_unknown(bucket).status == 500,
    "unknown_upload_on_list": _lists_unknown_as_key,
}
_MOTO: _Probes = {
    "content_checksums": lambda bucket: _put_other(bucket).status == 200,
    "match_on_copy": lambda bucket: _copy_matching_other(bucket).status == 200,
    "signed_urls": _fails_presigned,
    "unknown_upload_on_complete": lambda bucket: _complete_unknown(bucket).status == 500,
    "unknown_upload_on_put": _fails_unknown_part,
}
_SWIFT: _Probes = {
    "anonymous_is_denied": _misjudges_anonymous,
    "encryption": lambda bucket: _put_encrypted(bucket).status == 501,
    "match_on_put": lambda bucket: _put_matching(bucket).status == 501,
    "storage_classes": _has_one_class,
}


@pytest.mark.parametrize("lack", sorted(ceph_store.LACKS))
def test_ceph_lacks(ceph: S3Service, lack: str) -> None:
    """Ceph's gateway does what is said of it instead."""
    assert _CEPH[lack](ceph.new_bucket())


@pytest.mark.parametrize("lack", sorted(moto_store.LACKS))
def test_moto_lacks(moto: S3Service, lack: str) -> None:
    """The server of moto does what is said of it instead."""
    assert _MOTO[lack](moto.new_bucket())


@pytest.mark.parametrize("lack", sorted(swift_store.LACKS))
def test_swift_s3_lacks(swift_s3: S3Service, lack: str) -> None:
    """The S3 interface of Swift does what is said of it instead."""
    assert _SWIFT[lack](swift_s3.new_bucket())


@pytest.mark.parametrize("store", ["ceph", "swift_s3"])
def test_real_stores_check(request: pytest.FixtureRequest, store: str) -> None:
    """Signatures, checksums, presigned URLs and create-only writes are checked where moto, in part, isn't strict."""
    service: S3Service = request.getfixturevalue(store)
    bucket = service.new_bucket()
    bucket.put("a", b"1")
    path = f"/{bucket.name}/a"
    signed_url = service.presigned("GET", path)

    assert 403 == service.ask("GET", path, secret_key="wrong").status
    assert 400 == _put_other(bucket).status
    assert b"1" == ask("GET", signed_url).body
    assert 403 == ask("GET", signed_url.replace("Signature=", "Signature=0")).status
    assert 412 == bucket.ask("PUT", "a", body=b"2", headers={"If-None-Match": "*"}).status


@pytest.mark.parametrize("name", ceph_store.STORAGE_CLASSES)
def test_ceph_has_storage_classes(ceph: S3Service, name: str) -> None:
    """An object is in the class that it was put into."""
    bucket = ceph.new_bucket()
    demand(bucket.ask("PUT", "a", body=b"1", headers={"x-amz-storage-class": name}), "put")

    assert name == bucket.ask("HEAD", "a").headers["x-amz-storage-class"]


def test_ceph_over_tls(ceph: S3Service) -> None:
    """The https endpoint is the same store, and only who trusts its authority takes it for it."""
    bucket = ceph.new_bucket()
    bucket.put("a", b"1")
    path = f"/{bucket.name}/a"

    assert b"1" == ceph.ask("GET", path, endpoint=ceph.tls_endpoint).body
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        ask("GET", f"{ceph.tls_endpoint}{path}")
