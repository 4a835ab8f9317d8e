import tomllib
from importlib.resources import files

import pytest

from holdfast.storage.drivers.s3 import S3Options
from holdfast.storage.drivers.s3._profiles import Profile, find_profile, profile_names
from holdfast.storage.drivers.s3.bucket import S3Bucket

_NAMES = [name for name in profile_names() if name != "auto"]


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (None, "aws"),
        ("https://s3.eu-central-1.amazonaws.com", "aws"),
        ("https://bucket.vpce-1a2b-3c4d.s3.us-east-1.vpce.amazonaws.com", "aws"),
        ("https://0123456789abcdef.r2.cloudflarestorage.com", "r2"),
        ("https://0123456789abcdef.eu.r2.cloudflarestorage.com", "r2"),
        ("https://S3.US-WEST-004.backblazeb2.com", "b2"),
        ("https://storage.googleapis.com", "gcs"),
        ("http://127.0.0.1:9000", "generic"),
        ("https://amazonaws.com.example.org", "generic"),
        ("https://minio.example.org", "generic"),
    ],
)
def test_auto_goes_by_the_host(endpoint: str | None, name: str) -> None:
    """Vendors with hosts of their own are known by them; nothing else is guessed."""
    assert name == find_profile("auto", endpoint).name


@pytest.mark.parametrize("name", _NAMES)
def test_profiles_are_found_by_name(name: str) -> None:
    """A profile that is named counts, whatever the host."""
    assert name == find_profile(name, "https://storage.googleapis.com").name


def test_unknown_stores_are_not_relied_on() -> None:
    """Conditional writes that a store ignores would lose what another writes: a store has to be known for them."""
    generic = find_profile("generic", None)

    assert (False, False) == (generic.create_only, generic.match_version)
    assert Profile(name="generic") == generic


def test_every_profile_says_where_it_is_from() -> None:
    """A profile has a comment before it, with a page, or that it is tested here."""
    text = files("holdfast.storage.drivers.s3").joinpath("profiles.toml").read_text()
    sections = text.split("\n\n")[1:]

    assert _NAMES == [*tomllib.loads(text)]
    assert len(sections) == len(_NAMES)
    for name, section in zip(_NAMES, sections, strict=True):
        assert section.startswith("# ")
        assert name == "generic" or "https://" in section or "ested against" in section


@pytest.mark.parametrize("name", _NAMES)
def test_limits_are_the_profiles(name: str) -> None:
    """What a bucket tells of its limits is what the profile has."""
    profile = find_profile(name, None)
    options = S3Options(bucket="b", regionendpoint="http://127.0.0.1:1", profile=name)
    limits = S3Bucket(options).limits

    assert (profile.create_only, profile.match_version) == (limits.create_only, limits.match_version)
    assert (profile.equal_parts, profile.max_object) == (limits.equal_parts, limits.max_object)
    assert (5 * 1024**2, 10_000) == (limits.min_part, limits.max_parts)
    assert (profile.max_part if profile.copy_parts else None) == limits.copy_part
    assert limits.sign_get
    assert limits.sign_head
