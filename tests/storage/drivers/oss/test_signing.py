"""Signatures of version 4: the vendor's published ones, and what the driver sends.

The values are those of the test cases of the vendor's SDKs for Python and Go (signer/test_v4.py, signer_test.go), and
of the example in its documentation. The fake computes signatures by code of its own, which is tried against them, too.
"""

import hmac
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from alibabacloud_oss_v2.credentials import StaticCredentialsProvider
from alibabacloud_oss_v2.signer import SignerV4
from alibabacloud_oss_v2.types import HttpRequest, SigningContext

from holdfast.storage.drivers.oss._client import Client
from holdfast.storage.drivers.oss.bucket import OSSBucket
from holdfast.storage.drivers.oss.options import OSSOptions
from tests.services.loopback import Answer
from tests.services.stores.oss.fake import REGION, FakeOss
from tests.services.stores.oss.signature import presigned_query, signature, text_to_sign
from tests.storage.drivers.oss.conftest import MakeOptions

pytestmark = pytest.mark.anyio

_KEY = "1234+-/123/1.txt"
_RESOURCE = f"/bucket/{_KEY}"
_QUERY = {"param1": "value1", "+param1": "value3", "|param1": "value4", "+param2": "", "|param2": "", "param2": ""}
_HEADERS = {"x-oss-head1": "value", "abc": "value", "ZAbc": "value", "XYZ": "value", "content-type": "text/plain"}
_URL_HEADERS = {**_HEADERS, "content-type": "application/octet-stream"}

# When, with which token, which headers are signed besides, and what that makes.
_IN_HEADER = [
    (1702743657, None, (), "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"),
    (1702784856, "token", (), "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea"),
    (1702747512, None, ("abc", "zabc"), "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f"),
]
_IN_URL = [
    (1702781677, None, (), "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe"),
    (1702785388, "token", (), "3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5"),
    (1702783809, None, ("abc", "zabc"), "6bd984bfe531afb6db1f7550983a741b103a8c58e5e14f83ea474c2322dfa2b7"),
]
_WHERE = "http://bucket.oss-cn-hangzhou.aliyuncs.com"


def _context(when: int, token: str | None, additional: tuple[str, ...], headers: dict[str, str]) -> SigningContext:
    query = "&".join(f"{quote(name, safe='')}={quote(value)}" for name, value in _QUERY.items())
    return SigningContext(
        bucket="bucket",
        key=_KEY,
        request=HttpRequest("PUT", f"{_WHERE}?{query}", headers=headers),
        credentials=StaticCredentialsProvider("ak", "sk", token).get_credentials(),
        product="oss",
        region="cn-hangzhou",
        signing_time=datetime.fromtimestamp(when, UTC),
        additional_headers=set(additional),
    )


def _moment(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y%m%dT%H%M%SZ")


@pytest.mark.parametrize(("when", "token", "additional", "published"), _IN_HEADER)
def test_published_signatures_in_headers(
    when: int, token: str | None, additional: tuple[str, ...], published: str
) -> None:
    """The SDK that signs for the driver, and the code that checks it, both make what the vendor has published."""
    context = _context(when, token, additional, _HEADERS)
    SignerV4().sign(context)
    headers = {name.lower(): text for name, text in _HEADERS.items()}
    headers |= {"x-oss-date": _moment(when), "x-oss-content-sha256": "UNSIGNED-PAYLOAD"}
    headers |= {"x-oss-security-token": token} if token else {}
    checked = signature(
        "PUT",
        _RESOURCE,
        [*_QUERY.items()],
        headers,
        secret="sk",
        moment=_moment(when),
        region="cn-hangzhou",
        additional=additional,
    )
    names = f",AdditionalHeaders={';'.join(additional)}" if additional else ""
    scope = f"ak/{_moment(when)[:8]}/cn-hangzhou/oss/aliyun_v4_request"

    assert published == checked
    authorization = f"OSS4-HMAC-SHA256 Credential={scope}{names},Signature={published}"
    assert authorization == context.request.headers["Authorization"]


def test_the_documented_example() -> None:
    """What is signed is what the documentation says, and with the key that it shows that makes its signature.

    https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4 shows a secret,
    too, but the key isn't made of that: the whole way is tried with the SDKs' values alone.
    """
    moment = "20250411T064124Z"
    headers = {
        "content-disposition": "attachment",
        "content-length": "3",
        "content-md5": "ICy5YqxZB1uWSwcVLSNLcA==",
        "content-type": "text/plain",
        "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
        "x-oss-date": moment,
    }
    additional = ["content-disposition", "content-length"]
    hashed = "c46d96390bdbc2d739ac9363293ae9d710b14e48081fcb22cd8ad54b63136eca"
    documented = f"OSS4-HMAC-SHA256\n{moment}\n20250411/cn-hangzhou/oss/aliyun_v4_request\n{hashed}"
    context = SigningContext(
        bucket="examplebucket",
        key="exampleobject",
        request=HttpRequest("PUT", "http://examplebucket.oss-cn-hangzhou.aliyuncs.com/exampleobject", headers=headers),
        credentials=StaticCredentialsProvider("ak", "sk").get_credentials(),
        product="oss",
        region="cn-hangzhou",
        signing_time=datetime(2025, 4, 11, 6, 41, 24, tzinfo=UTC),
        additional_headers=set(additional),
    )
    SignerV4().sign(context)
    checked = text_to_sign(
        "PUT", "/examplebucket/exampleobject", [], headers, moment=moment, region="cn-hangzhou", additional=additional
    )
    key = bytes.fromhex("3543b7686e65eda71e5e5ca19d548d78423c37e8ddba4dc9d83f90228b457c76")

    assert (documented, documented) == (context.string_to_sign, checked)
    assert (
        "053edbf550ebd239b32a9cdfd93b0b2b3f2d223083aa61f75e9ac16856d61f23"
        == hmac.new(key, checked.encode(), "sha256").hexdigest()
    )


@pytest.mark.parametrize(("when", "token", "additional", "published"), _IN_URL)
def test_published_signatures_in_urls(
    when: int, token: str | None, additional: tuple[str, ...], published: str
) -> None:
    """The same for those that are parameters."""
    context = _context(when, token, additional, _URL_HEADERS)
    context.auth_method_query = True
    context.expiration_time = datetime.fromtimestamp(when + 599, UTC)
    SignerV4().sign(context)
    query = dict(parse_qsl(urlsplit(context.request.url).query, keep_blank_values=True))
    made = query.pop("x-oss-signature")
    checked = signature(
        "PUT",
        _RESOURCE,
        [*query.items()],
        {name.lower(): text for name, text in _URL_HEADERS.items()},
        secret="sk",
        moment=_moment(when),
        region="cn-hangzhou",
        additional=additional,
    )

    assert (published, published) == (made, checked)
    assert ("599", _moment(when)) == (query["x-oss-expires"], query["x-oss-date"])


@pytest.mark.parametrize(
    ("when", "token", "published"), [(when, token, made) for when, token, _, made in _IN_HEADER[:2]]
)
async def test_the_driver_sends_published_signatures(
    fake: FakeOss, make_options: MakeOptions, when: int, token: str | None, published: str
) -> None:
    """The published request, sent by the driver's own client, arrives with the published signature."""
    fake.planned.append(Answer())
    options = make_options(accesskeyid="ak", accesskeysecret="sk", securitytoken=token)
    headers = {**_HEADERS, "x-oss-date": format_datetime(datetime.fromtimestamp(when, UTC), usegmt=True)}
    async with aclosing(Client(options)) as client:
        await client.call("PutObject", "PUT", _KEY, query=_QUERY, headers=headers)

    assert fake.requests[0].headers["authorization"].endswith(f",Signature={published}")
    assert quote(_RESOURCE, safe="/") == fake.requests[0].path


async def test_a_url_is_good_for_its_method_only(make_options: MakeOptions) -> None:
    """The store takes it for what it was signed for, and for nothing else; and for 20 minutes."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        await bucket.put("a", b"content")
        urls = {method: str(await bucket.sign("a", method=method)) for method in ("GET", "HEAD")}
    async with httpx.AsyncClient(trust_env=False) as client:
        for method, other in (("GET", "HEAD"), ("HEAD", "GET")):
            url = urls[method]
            statuses = [(await client.request(each, url)).status_code for each in (method, other)]
            changed = (await client.request(method, url.replace("/a?", "/b?"))).status_code
            seconds = int(dict(parse_qsl(urlsplit(url).query))["x-oss-expires"])

            assert [200, 403, 403] == [*statuses, changed]
            assert 1199 <= seconds <= 1200


@pytest.mark.parametrize(
    ("endpoint", "beginning"),
    [
        ("https://cdn.example.com", "https://cdn.example.com/r%20t/a?"),
        ("oss-cn-hangzhou.aliyuncs.com", "https://bucket.oss-cn-hangzhou.aliyuncs.com/r%20t/a?"),
        ("http://bucket.oss-cn-hangzhou.aliyuncs.com", "http://bucket.oss-cn-hangzhou.aliyuncs.com/r%20t/a?"),
    ],
)
async def test_urls_for_another_host(make_options: MakeOptions, endpoint: str, beginning: str) -> None:
    """Clients are sent to the public address; what is signed is the object, whichever host it is asked for at."""
    async with aclosing(OSSBucket(make_options(redirectendpoint=endpoint))) as bucket:
        url = str(await bucket.sign("r t/a", method="GET"))
    query = dict(parse_qsl(urlsplit(url).query))
    made = query.pop("x-oss-signature")

    assert url.startswith(beginning)
    assert made == signature(
        "GET", "/bucket/r t/a", [*query.items()], {}, secret="good-secret", moment=query["x-oss-date"], region=REGION
    )


async def test_a_token_is_part_of_the_url(make_options: MakeOptions) -> None:
    """Without it nobody could use the URL."""
    async with aclosing(OSSBucket(make_options(securitytoken="a token/+"))) as bucket:
        url = str(await bucket.sign("a", method="GET"))

    assert "a token/+" == dict(parse_qsl(urlsplit(url).query))["x-oss-security-token"]


@pytest.mark.parametrize(
    ("ago", "seconds", "status"), [(0, 60, 200), (120, 60, 403), (0, 604_801, 400), (-3600, 60, 403)]
)
async def test_the_fake_heeds_time(
    fake: FakeOss, make_options: MakeOptions, ago: int, seconds: int, status: int
) -> None:
    """A URL ends when it says, within a week, and isn't good before."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        await bucket.put("a", b"content")
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    keys = ("LTAIgood", "good-secret")
    query = presigned_query("GET", "/bucket/a", keys=keys, region=REGION, moment=moment, seconds=seconds)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{fake.url}/bucket/a", params=dict(query))

    assert status == answer.status_code


@pytest.mark.parametrize(("internal", "suffix"), [(False, ""), (True, "-internal")])
async def test_addresses_of_a_region(internal: bool, suffix: str) -> None:  # noqa: FBT001 a parameter
    """Each bucket has a host below that of its region; no other address needs to be configured."""
    keys = {"accesskeyid": "LTAI", "accesskeysecret": "secret"}
    parameters = {**keys, "region": "oss-cn-hangzhou", "bucket": "images", "internal": internal}
    async with aclosing(OSSBucket(OSSOptions.model_validate(parameters))) as bucket:
        url = str(await bucket.sign("a/b", method="GET"))

    assert url.startswith(f"https://images.oss-cn-hangzhou{suffix}.aliyuncs.com/a/b?")
