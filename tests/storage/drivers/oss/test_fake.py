"""The fake is strict: what OSS's documentation refuses, it refuses, in OSS's words."""

from xml.etree import ElementTree as ET

import pytest

from tests.services.stores.exchange import Answer
from tests.services.stores.oss.place import MIN_PART
from tests.services.stores.oss.service import OssBucket, OssService


@pytest.fixture
def bucket(oss: OssService) -> OssBucket:
    """A fresh bucket."""
    return oss.new_bucket()


def _code(answer: Answer) -> str:
    return f"{answer.status} {ET.fromstring(answer.body).findtext('Code')}"


def _complete(bucket: OssBucket, upload_id: str, *parts: tuple[int, str]) -> Answer:
    named = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in parts)
    body = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()
    return bucket.ask("POST", "a", {"uploadId": upload_id}, body=body)


def _begin(bucket: OssBucket) -> str:
    return ET.fromstring(bucket.ask("POST", "a", {"uploads": ""}).body).findtext("UploadId") or ""


def test_signatures(bucket: OssBucket) -> None:
    """A wrong secret signs nothing."""
    assert "403 SignatureDoesNotMatch" == _code(bucket.ask("GET", "a", secret_key="wrong"))


@pytest.mark.parametrize(
    ("method", "key", "query", "headers"),
    [
        ("GET", "a", {"partNumber": "1"}, {}),
        ("GET", "", {"list-type": "2", "marker": "a"}, {}),
        ("GET", "", {"list-type": "2", "max-keys": "1001"}, {}),
        ("GET", "", {"list-type": "2", "max-keys": "0"}, {}),
        ("GET", "", {"list-type": "2", "continuation-token": "?"}, {}),
        ("PUT", "a", {"partNumber": "10001", "uploadId": "x"}, {}),
        ("PUT", "a", {"partNumber": "0", "uploadId": "x"}, {}),
        ("PUT", "a", {}, {"x-oss-forbid-overwrite": "yes"}),
        ("PUT", "a", {}, {"x-oss-unknown": "1"}),
        ("POST", "a", {}, {}),
    ],
)
def test_what_no_operation_takes(
    bucket: OssBucket, method: str, key: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    """A parameter or header that isn't one, or out of its range, is refused."""
    assert "400 InvalidArgument" == _code(bucket.ask(method, key, query, headers=headers))


def test_parts(bucket: OssBucket) -> None:
    """They have a least size but for the last, an order, and their ETags."""
    upload_id = _begin(bucket)
    etags = [
        bucket.ask("PUT", "a", {"partNumber": str(number), "uploadId": upload_id}, body=body).headers["etag"]
        for number, body in ((1, bytes(MIN_PART - 1)), (2, bytes(MIN_PART)), (3, b"x"))
    ]

    assert "400 EntityTooSmall" == _code(_complete(bucket, upload_id, (1, etags[0]), (2, etags[1])))
    assert "400 InvalidPartOrder" == _code(_complete(bucket, upload_id, (3, etags[2]), (2, etags[1])))
    assert "400 InvalidPart" == _code(_complete(bucket, upload_id, (2, etags[2])))
    assert "400 InvalidPart" == _code(_complete(bucket, upload_id, (4, etags[2])))
    assert "404 NoSuchUpload" == _code(_complete(bucket, "another", (2, etags[1])))
    assert 200 == _complete(bucket, upload_id, (2, etags[1]), (3, etags[2])).status
    assert "404 NoSuchUpload" == _code(_complete(bucket, upload_id, (2, etags[1])))


def test_deletions(bucket: OssBucket) -> None:
    """Many at once take a digest, and are at most a thousand."""
    objects = "".join(f"<Object><Key>{number}</Key></Object>" for number in range(1001))

    assert "400 MissingArgument" == _code(bucket.ask("POST", "", {"delete": ""}, body=b"<Delete/>"))
    wrong = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    body = f"<Delete>{objects}</Delete>".encode()
    assert "400 InvalidDigest" == _code(bucket.ask("POST", "", {"delete": ""}, body=body, headers=wrong))


def test_ranges(bucket: OssBucket) -> None:
    """One that begins past the end is answered with everything, unless that is asked to be otherwise."""
    bucket.put("a", b"content")
    past = {"Range": "bytes=7-"}

    assert (200, b"content") == ((answer := bucket.ask("GET", "a", headers=past)).status, answer.body)
    standard = {**past, "x-oss-range-behavior": "standard"}
    assert "416 InvalidRange" == _code(bucket.ask("GET", "a", headers=standard))


def test_nothing_is_overwritten(bucket: OssBucket) -> None:
    """`x-oss-forbid-overwrite` is heeded, and ignored where versions are kept."""
    forbid = {"x-oss-forbid-overwrite": "true"}
    assert 200 == bucket.ask("PUT", "a", body=b"first", headers=forbid).status
    assert "409 FileAlreadyExists" == _code(bucket.ask("PUT", "a", body=b"second", headers=forbid))
    bucket.keep_versions()
    assert 200 == bucket.ask("PUT", "a", body=b"third", headers=forbid).status

    assert b"third" == bucket.get("a")
