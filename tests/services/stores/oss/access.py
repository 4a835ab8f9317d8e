"""Who asks: every signature is computed anew, and what isn't as it should be is refused."""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.services.loopback import Request

from .refusal import RefusalError
from .signature import ALGORITHM, UNSIGNED, Query, scope_of, signature

__all__ = ["AccessKey", "Gate"]

_SKEW = timedelta(minutes=15)
_LONGEST = 7 * 24 * 3600
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<credential>[^,\s]+)"
    r"(?:, ?AdditionalHeaders=(?P<additional>[^,\s]+))?, ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key that the fake knows.

    Attributes:
        secret: Its secret.
        token: The token that goes with it, if it is temporary.
        expires: When a temporary one ends.
    """

    secret: str
    token: str | None = None
    expires: datetime | None = None


class _Claim(NamedTuple):
    """What a request says of its signature, and the secret that it should be made with."""

    secret: str
    moment: str
    signature: str
    additional: list[str]


class Gate:
    """Lets in who has signed.

    Args:
        region: The region that requests have to be signed for.
        keys: The access keys by their ids.
    """

    def __init__(self, region: str, keys: dict[str, AccessKey]) -> None:
        self.region = region
        self.keys = keys

    def check(self, request: Request, resource: str) -> None:
        """Raises `RefusalError`, unless the request about a resource is signed by somebody."""
        query = parse_qsl(urlsplit(request.target).query, keep_blank_values=True)
        if "authorization" in request.headers:
            self._check_header(request, resource, query)
        elif "x-oss-signature" in request.query:
            self._check_query(request, resource, query)
        else:
            raise RefusalError(403, "AccessDenied", "Anonymous access is forbidden for this operation.")

    def _check_header(self, request: Request, resource: str, query: Query) -> None:
        matched = _AUTHORIZATION.fullmatch(request.headers["authorization"])
        if matched is None:
            raise RefusalError(400, "InvalidArgument", "Authorization header is invalid.")
        if request.headers.get("x-oss-content-sha256") != UNSIGNED:
            raise RefusalError(400, "InvalidArgument", "x-oss-content-sha256 is invalid.")
        moment = request.headers.get("x-oss-date", "")
        if abs(datetime.now(UTC) - _moment(moment)) > _SKEW:
            raise RefusalError(403, "RequestTimeTooSkewed", "The difference between the times is too large.")
        key = self._key(matched["credential"], moment, request.headers.get("x-oss-security-token"))
        additional = (matched["additional"] or "").split(";") if matched["additional"] else []
        self._compare(request, resource, query, _Claim(key.secret, moment, matched["signature"], additional))

    def _check_query(self, request: Request, resource: str, query: Query) -> None:
        given = request.query
        if given.get("x-oss-signature-version") != ALGORITHM:
            raise RefusalError(400, "InvalidArgument", "x-oss-signature-version is invalid.")
        moment, seconds = given.get("x-oss-date", ""), given.get("x-oss-expires", "")
        if not (seconds.isdecimal() and 1 <= int(seconds) <= _LONGEST):
            raise RefusalError(400, "InvalidArgument", "x-oss-expires is invalid.")
        begins = _moment(moment)
        if begins > datetime.now(UTC) + _SKEW:
            raise RefusalError(403, "RequestTimeTooSkewed", "The request isn't good yet.")
        if begins + timedelta(seconds=int(seconds)) < datetime.now(UTC):
            raise RefusalError(403, "AccessDenied", "Request has expired.")
        key = self._key(given.get("x-oss-credential", ""), moment, given.get("x-oss-security-token"))
        signed = [pair for pair in query if pair[0] != "x-oss-signature"]
        additional = [name for name in given.get("x-oss-additional-headers", "").split(";") if name]
        self._compare(request, resource, signed, _Claim(key.secret, moment, given["x-oss-signature"], additional))

    def _key(self, credential: str, moment: str, token: str | None) -> AccessKey:
        name, _, scope = credential.partition("/")
        key = self.keys.get(name)
        if key is None:
            raise RefusalError(
                403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records."
            )
        if scope != scope_of(moment[:8], self.region):
            day, *rest = scope.split("/")
            what = "date" if day != moment[:8] else "region" if rest[:1] != [self.region] else "product"
            raise RefusalError(400, "InvalidArgument", f"Invalid signing {what} in Authorization header.")
        if token != key.token:
            raise RefusalError(403, "InvalidSecurityToken", "The security token you provided is invalid.")
        if key.expires is not None and key.expires < datetime.now(UTC):
            raise RefusalError(403, "SecurityTokenExpired", "The security token you provided has expired.")
        return key

    def _compare(self, request: Request, resource: str, query: Query, claim: _Claim) -> None:
        if [name for name in claim.additional if name not in request.headers]:
            raise RefusalError(400, "InvalidArgument", "An additional header is missing.")
        due = signature(
            request.method,
            resource,
            query,
            request.headers,
            secret=claim.secret,
            moment=claim.moment,
            region=self.region,
            additional=claim.additional,
        )
        if not hmac.compare_digest(due, claim.signature):
            raise RefusalError(403, "SignatureDoesNotMatch", "The signature we calculated does not match yours.")


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise RefusalError(400, "InvalidArgument", "x-oss-date is invalid.") from None
