"""Signatures of version 4, computed from the vendor's description.

https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
https://www.alibabacloud.com/help/en/oss/developer-reference/add-signatures-to-urls
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

__all__ = ["ALGORITHM", "UNSIGNED", "Query", "presigned_query", "scope_of", "signature", "signed", "text_to_sign"]

ALGORITHM = "OSS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
"""What stands for the content's hash: OSS takes nothing else."""

_ALWAYS = frozenset({"content-md5", "content-type"})

Query = Sequence[tuple[str, str]]
"""Parameters, not escaped."""


def _escaped(text: str) -> str:
    return quote(text, safe="")


def scope_of(day: str, region: str) -> str:
    """What a key that signs is good for."""
    return f"{day}/{region}/oss/aliyun_v4_request"


def _canonical(
    method: str, resource: str, query: Query, headers: Mapping[str, str], additional: Collection[str]
) -> str:
    """The request, written the only way it can be.

    Args:
        method: As in HTTP.
        resource: `/bucket/key`, not escaped.
        query: The parameters, not escaped.
        headers: The headers, named in lower case.
        additional: The headers that are signed besides those that always are.
    """
    escaped = sorted((_escaped(name), _escaped(value)) for name, value in query)
    parameters = "&".join(f"{name}={value}" if value else name for name, value in escaped)
    taken = sorted(name for name in headers if name in _ALWAYS or name in additional or name.startswith("x-oss-"))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in taken)
    return "\n".join((method, quote(resource, safe="/"), parameters, lines, ";".join(sorted(additional)), UNSIGNED))


def text_to_sign(
    method: str,
    resource: str,
    query: Query,
    headers: Mapping[str, str],
    *,
    moment: str,
    region: str,
    additional: Collection[str] = (),
) -> str:
    """Returns what is signed of a request.

    Args:
        method: As in HTTP.
        resource: `/bucket/key`, not escaped; `/bucket/` for a bucket.
        query: The parameters, not escaped, without the signature itself.
        headers: The headers, named in lower case.
        moment: As in `x-oss-date`.
        region: As in the scope.
        additional: The names of further headers that are signed.
    """
    canonical = _canonical(method, resource, query, headers, additional)
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    return "\n".join((ALGORITHM, moment, scope_of(moment[:8], region), hashed))


def signature(
    method: str,
    resource: str,
    query: Query,
    headers: Mapping[str, str],
    *,
    secret: str,
    moment: str,
    region: str,
    additional: Collection[str] = (),
) -> str:
    """Returns the signature of a request, in hexadecimal digits.

    Args:
        method: As for `text_to_sign`, and so are the others.
        resource: See there.
        query: See there.
        headers: See there.
        secret: The secret of the access key.
        moment: See there.
        region: See there.
        additional: See there.
    """
    text = text_to_sign(method, resource, query, headers, moment=moment, region=region, additional=additional)
    key = f"aliyun_v4{secret}".encode()
    for part in (*scope_of(moment[:8], region).split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def signed(
    method: str,
    resource: str,
    query: Query,
    headers: Mapping[str, str],
    *,
    keys: tuple[str, str],
    region: str,
    token: str | None = None,
) -> dict[str, str]:
    """Returns the headers of a request, its signature among them.

    Args:
        method: As in HTTP.
        resource: As for `signature`.
        query: The parameters, not escaped.
        headers: Further headers.
        keys: The access key's id and secret.
        region: The region that it is signed for.
        token: The token of temporary keys.
    """
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    named = {name.lower(): value for name, value in headers.items()}
    named |= {"x-oss-date": moment, "x-oss-content-sha256": UNSIGNED}
    if token is not None:
        named["x-oss-security-token"] = token
    made = signature(method, resource, query, named, secret=keys[1], moment=moment, region=region)
    credential = f"{keys[0]}/{scope_of(moment[:8], region)}"
    return {**named, "authorization": f"{ALGORITHM} Credential={credential},Signature={made}"}


def presigned_query(
    method: str, resource: str, *, keys: tuple[str, str], region: str, moment: datetime, seconds: int
) -> Query:
    """Returns the parameters by which anybody may send a request for a while."""
    text = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    query = [
        ("x-oss-signature-version", ALGORITHM),
        ("x-oss-credential", f"{keys[0]}/{scope_of(text[:8], region)}"),
        ("x-oss-date", text),
        ("x-oss-expires", str(seconds)),
    ]
    made = signature(method, resource, query, {}, secret=keys[1], moment=text, region=region)
    return [*query, ("x-oss-signature", made)]
