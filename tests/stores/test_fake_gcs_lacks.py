"""What fake-gcs-server is said to lack, it does lack: what it has learnt is no longer declared."""

import json
from collections.abc import Callable, Mapping

import pytest

from tests.services.stores.exchange import Answer, ask, demand
from tests.services.stores.fake_gcs import LACKS, FakeGcsBucket, FakeGcsService

_OTHER = {"ifGenerationMatch": "1"}
_CHUNK = 256 * 1024


def _upload(bucket: FakeGcsBucket, query: Mapping[str, str], body: bytes, content_type: str) -> Answer:
    path = f"/upload/storage/v1/b/{bucket.name}/o"
    return bucket.service.ask("POST", path, query, body=body, headers={"Content-Type": content_type})


def _put_multipart(bucket: FakeGcsBucket, query: Mapping[str, str], **description: str) -> Answer:
    parts = (("application/json", json.dumps({"name": "a", **description})), ("application/octet-stream", "two"))
    body = "".join(f"--limit\r\nContent-Type: {kind}\r\n\r\n{content}\r\n" for kind, content in parts) + "--limit--\r\n"
    return _upload(bucket, {"uploadType": "multipart", **query}, body.encode(), "multipart/related; boundary=limit")


def _begin(bucket: FakeGcsBucket, query: Mapping[str, str] | None = None) -> str:
    """Begins a resumable upload, and returns where it goes on."""
    answer = _upload(bucket, {"uploadType": "resumable", "name": "a", **(query or {})}, b"{}", "application/json")
    return demand(answer, "begin").headers["location"]


def _send(location: str, span: str, content: bytes = b"") -> Answer:
    return ask("PUT", location, headers={"Content-Range": f"bytes {span}"}, body=content)


def _answers_anybody(bucket: FakeGcsBucket) -> bool:
    bucket.put("a", b"one")
    return bucket.service.ask("GET", bucket.path("a"), headers={"Authorization": "Bearer wrong"}).status == 200


def _answers_any_signature(bucket: FakeGcsBucket) -> bool:
    bucket.put("a", b"one")
    query = "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature=00"
    return ask("GET", f"{bucket.service.endpoint}/{bucket.name}/a?{query}").body == b"one"


def _deletes_another(bucket: FakeGcsBucket) -> bool:
    bucket.put("a", b"one")
    bucket.service.ask("DELETE", bucket.path("a"), _OTHER)
    return bucket.keys() == []


def _replaces_another(bucket: FakeGcsBucket) -> bool:
    bucket.put("a", b"one")
    _upload(bucket, {"uploadType": "media", "name": "a", **_OTHER}, b"two", "application/octet-stream")
    return bucket.get("a") == b"two"


def _resumes_over_another(bucket: FakeGcsBucket) -> bool:
    bucket.put("a", b"one")
    _send(_begin(bucket, _OTHER), "0-2/3", b"two")
    return bucket.get("a") == b"two"


def _reads_another(bucket: FakeGcsBucket) -> bool:
    bucket.put("a", b"one")
    return bucket.service.ask("GET", bucket.path("a"), {"alt": "media", **_OTHER}).body == b"one"


def _copies_over_another(bucket: FakeGcsBucket) -> bool:
    bucket.put("a", b"one")
    bucket.put("b", b"two")
    bucket.service.ask("POST", f"{bucket.path('a')}/rewriteTo/b/{bucket.name}/o/b", _OTHER)
    return bucket.get("b") == b"one"


def _goes_on_after_cancel(bucket: FakeGcsBucket) -> bool:
    location = _begin(bucket)
    ask("DELETE", location)
    return _send(location, "0-2/3", b"two").status == 200


def _appends_again(bucket: FakeGcsBucket) -> bool:
    location = _begin(bucket)
    for _ in range(2):
        _send(location, f"0-{_CHUNK - 1}/*", b"x" * _CHUNK)
    _send(location, f"{_CHUNK}-{_CHUNK}/{_CHUNK + 1}", b"x")
    return len(bucket.get("a")) == 2 * _CHUNK + 1


def _ends_when_asked(bucket: FakeGcsBucket) -> bool:
    location = _begin(bucket)
    _send(location, f"0-{_CHUNK - 1}/*", b"x" * _CHUNK)
    _send(location, "*/*")
    return bucket.keys() == ["a"]


def _delete_batch(bucket: FakeGcsBucket, name: str) -> Answer:
    """Deletes what is there and what isn't in one batch, whose parts have a header for a name."""
    part = "--limit\r\nContent-Type: application/http\r\n{}\r\nDELETE {} HTTP/1.1\r\n\r\n\r\n"
    body = "".join(part.format(name, bucket.path(key)) for key in ("a", "b"))
    headers = {"Content-Type": "multipart/mixed; boundary=limit"}
    return bucket.service.ask("POST", "/batch/storage/v1", body=f"{body}--limit--\r\n".encode(), headers=headers)


def _passes_over_nameless(bucket: FakeGcsBucket) -> bool:
    bucket.put("a", b"one")
    _delete_batch(bucket, "")
    return bucket.keys() == ["a"]


_PROBES: Mapping[str, Callable[[FakeGcsBucket], bool]] = {
    "anonymous_is_refused": _answers_anybody,
    "batch_without_names": _passes_over_nameless,
    "content_checksums": lambda bucket: _put_multipart(bucket, {}, crc32c="AAAAAA==").status == 200,
    "generation_on_delete": _deletes_another,
    "generation_on_media_put": _replaces_another,
    "generation_on_read": _reads_another,
    "generation_on_resumable_put": _resumes_over_another,
    "generation_on_rewrite": _copies_over_another,
    "session_cancel": _goes_on_after_cancel,
    "session_offsets": _appends_again,
    "session_status": _ends_when_asked,
    "signatures": _answers_any_signature,
    "xml_interface": lambda bucket: bucket.service.ask("PUT", f"/{bucket.name}/a", body=b"one").status == 400,
}


@pytest.mark.parametrize("lack", sorted(LACKS))
def test_fake_gcs_lacks(fake_gcs: FakeGcsService, lack: str) -> None:
    """fake-gcs-server does what is said of it instead."""
    assert _PROBES[lack](fake_gcs.new_bucket())


def test_multipart_upload_keeps_its_condition(fake_gcs: FakeGcsService) -> None:
    """A multipart upload is refused where the object has another generation, or where it may not be there at all."""
    bucket = fake_gcs.new_bucket()
    bucket.put("a", b"one")

    assert 412 == _put_multipart(bucket, _OTHER).status
    assert 412 == _put_multipart(bucket, {"ifGenerationMatch": "0"}).status
    assert b"one" == bucket.get("a")


def test_batch_deletes(fake_gcs: FakeGcsService) -> None:
    """A batch of deletions whose parts have names is done, and each has an answer of its own."""
    bucket = fake_gcs.new_bucket()
    bucket.put("a", b"one")
    answer = _delete_batch(bucket, "Content-ID: <1>\r\n")

    assert [] == bucket.keys()
    assert 1 == answer.body.count(b"HTTP/1.1 404")
