"""What gives tokens and signs bytes, on loopback: the token endpoint, STS, IAM and the metadata server."""

import base64
import json

from tests.services.loopback import Answer, Loopback, Request, failure

__all__ = ["EMAIL", "GoogleServices"]

EMAIL = "keyless@project.iam.gserviceaccount.com"


class GoogleServices(Loopback):
    """All of them at one address; each answers by the path that the real one has.

    Attributes:
        token: What is given next.
        seconds: How long it is good.
        may_sign: Whether IAM signs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token = "good"
        self.seconds = 3600
        self.may_sign = True

    def answer(self, request: Request) -> Answer:
        """Answer as the service does that has this path."""
        path = request.path
        if path == "/bad/token":
            return Answer(body={"access_token": "bad", "expires_in": 3600, "token_type": "Bearer"})
        if path in {"/token", "/v1/token"}:
            issued = "urn:ietf:params:oauth:token-type:access_token"
            return Answer(body=self._token("access_token", "expires_in") | {"issued_token_type": issued})
        if path.endswith(":generateAccessToken"):
            return Answer(body={"accessToken": self.token, "expireTime": "2999-01-01T00:00:00Z"})
        if path.endswith(":signBlob"):
            if not self.may_sign:
                return failure(403, "Permission 'iam.serviceAccounts.signBlob' denied", "forbidden")
            payload = base64.b64decode(json.loads(request.body)["payload"])
            return Answer(body={"keyId": "0", "signedBlob": base64.b64encode(b"signed:" + payload[:4]).decode()})
        return self._metadata(path)

    def _metadata(self, path: str) -> Answer:
        flavoured = {"Metadata-Flavor": "Google"}
        account = "/computeMetadata/v1/instance/service-accounts/default/"
        if path.rstrip("/") == "":
            return Answer(headers=flavoured)
        if path == account:
            body = {
                "aliases": ["default"],
                "email": EMAIL,
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }
            return Answer(body=body, headers=flavoured)
        if path == f"{account}token":
            return Answer(body=self._token("access_token", "expires_in"), headers=flavoured)
        if path == "/computeMetadata/v1/project/project-id":
            return Answer(body=b"project", headers={**flavoured, "Content-Type": "text/plain"})
        return failure(404, "Not Found", "notFound")

    def _token(self, name: str, expiry: str) -> dict[str, object]:
        return {name: self.token, expiry: self.seconds, "token_type": "Bearer"}
