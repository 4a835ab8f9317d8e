import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.registry.model.digest import ALGORITHMS, Digest, DigestError, new_hash, parse_digest


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
@given(content=st.binary())
def test_text_and_digest_are_the_same(algorithm: str, content: bytes) -> None:
    """What a digest prints is parsed to the same digest, and is what hashlib says."""
    digest = Digest.of(content, algorithm)

    assert f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}" == str(digest)
    assert digest == parse_digest(str(digest))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "a" * 64 + "\n",
        " sha256:" + "a" * 64,
        "sha256:" + "٣" * 64,
        "sha512:" + "a" * 64,
        "sha1:" + "a" * 40,
        "SHA256:" + "a" * 64,
        "a" * 64,
        "../../../etc/passwd",
    ],
)
def test_malformed(text: str) -> None:
    """What isn't a supported algorithm with its length of lower-case hex is refused."""
    with pytest.raises(DigestError):
        parse_digest(text)


@given(chunks=st.lists(st.binary(max_size=100)))
def test_running_hash(chunks: list[bytes]) -> None:
    """A hash of pieces is that of the whole."""
    running = new_hash()
    for chunk in chunks:
        running.update(chunk)

    assert Digest.of(b"".join(chunks)).hex == running.hexdigest()
