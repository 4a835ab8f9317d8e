"""The certification suite on memory with each of upstream's middleware around it, a CDN in front where there is one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from holdfast.storage import Capabilities, StorageDriver
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware.alicdn import AliCDN
from holdfast.storage.middleware.cloudfront import CloudFront
from holdfast.storage.middleware.redirect import Redirect
from holdfast.storage.middleware.rewrite import Rewrite
from holdfast.storage.options import parse
from holdfast.testing import MiddlewareSuite
from tests.services.cdn import alibaba, cloudfront, unsigned
from tests.storage.middleware.serving import ServedDriver

_PLAIN = Capabilities(
    exclusive_names=True, put_create_only=True, put_match_version=True, write_resume_token=True, list_uploads=True
)
_REDIRECTING = replace(_PLAIN, redirect_get=True, redirect_head=True)

Wrap = Callable[[StorageDriver], StorageDriver]


class InBucket(ForwardingDriver):
    """Memory that others can read, as they read a bucket."""

    @property
    def capabilities(self) -> Capabilities:
        """The inner driver's, and its files are objects."""
        return replace(self.inner.capabilities, object_prefix="files/")


class TestRedirect(MiddlewareSuite):
    """`redirect` to a web server that serves the files below a path."""

    capabilities = _REDIRECTING

    @pytest.fixture
    def wrap(self, served: ServedDriver) -> Wrap:
        """Each driver's files are served."""
        served.cdn.gate = unsigned("/below/it")
        options = parse("redirect", Redirect.Options, {"baseurl": f"{served.cdn.url}/below/it/"})
        return lambda inner: Redirect(served.serve(inner), options)


class TestRewrite(MiddlewareSuite):
    """`rewrite` around a driver that gives no URL: there is none to rewrite."""

    capabilities = _PLAIN

    @pytest.fixture
    def wrap(self) -> Wrap:
        """It would rewrite everything."""
        options = parse("rewrite", Rewrite.Options, {"scheme": "http", "host": "127.0.0.1:1", "trimpathprefix": "/"})
        return lambda inner: Rewrite(inner, options)


class TestCloudFront(MiddlewareSuite):
    """`cloudfront` with a distribution that verifies signatures."""

    capabilities = _REDIRECTING

    @pytest.fixture
    def wrap(self, served: ServedDriver, rsa_key: RSAPrivateKey, rsa_key_file: Path) -> Wrap:
        """The distribution's origin is a bucket."""
        gate = cloudfront(rsa_key.public_key(), "APKAEXAMPLE")
        served.cdn.gate = lambda url: gate(url).removeprefix("/files")
        options = parse(
            "cloudfront",
            CloudFront.Options,
            {"baseurl": served.cdn.url, "privatekey": str(rsa_key_file), "keypairid": "APKAEXAMPLE"},
        )
        return lambda inner: CloudFront(InBucket(served.serve(inner)), options)


class TestAliCDN(MiddlewareSuite):
    """`alicdn` with a CDN that verifies signatures."""

    capabilities = _REDIRECTING

    @pytest.fixture
    def wrap(self, served: ServedDriver) -> Wrap:
        """Signed by type B, whose time has another place than that of the others."""
        served.cdn.gate = alibaba("b", "a key of eight")
        options = parse(
            "alicdn",
            AliCDN.Options,
            {"baseurl": served.cdn.url, "authtype": "B", "privatekey": "a key of eight"},
        )
        return lambda inner: AliCDN(served.serve(inner), options)
