"""What the gcs driver takes; the names are upstream's, unless said otherwise."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from holdfast.storage.options import DriverOptions

__all__ = ["CHUNK_MULTIPLE", "GOOGLE_ENDPOINT", "MINIMUM_CONCURRENCY", "GCSOptions"]

CHUNK_MULTIPLE = 256 * 1024
"""What `chunksize` is a multiple of."""

MINIMUM_CONCURRENCY = 25
"""A smaller `maxconcurrency` is raised to this, as the Docker Registry's driver does."""

GOOGLE_ENDPOINT = "https://storage.googleapis.com"

_EMULATOR = "STORAGE_EMULATOR_HOST"
_KEY_FIELDS = ("client_email", "private_key", "token_uri")


def _at_least_minimum(concurrency: int) -> int:
    return max(concurrency, MINIMUM_CONCURRENCY)


def _whole_chunks(size: int) -> int:
    if size % CHUNK_MULTIPLE:
        raise PydanticCustomError("chunksize", "must be a multiple of {multiple} bytes", {"multiple": CHUNK_MULTIPLE})
    return size


def _as_json(value: Any) -> Any:
    """A service account's key as a mapping, kept as the JSON text it is in a key file."""
    return json.dumps(dict(value)) if isinstance(value, Mapping) else value


def _as_endpoint(url: str | None) -> str | None:
    """A URL without a slash at its end; a host alone is one with http, as emulators are named."""
    if url is None:
        return None
    whole = url if "://" in url else f"http://{url}"
    parts = urlsplit(whole)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise PydanticCustomError(
            "endpoint", "must be a URL with http or https, such as {url}", {"url": GOOGLE_ENDPOINT}
        )
    return whole.rstrip("/")


Endpoint = Annotated[str | None, AfterValidator(_as_endpoint)]


class GCSOptions(DriverOptions):
    """Options of the `gcs` driver; defaults as in Distribution's `storage-drivers/gcs` page."""

    bucket: str = Field(min_length=1, description="The bucket; it must exist.")
    keyfile: str | None = Field(
        default=None,
        min_length=1,
        description=(
            "The key file of a service account, JSON as the Cloud console makes it. Without it and `credentials`,"
            " Application Default Credentials are used: the file that GOOGLE_APPLICATION_CREDENTIALS names (a key, or a"
            " configuration of workload identity federation), then those of gcloud, then the metadata server's."
        ),
    )
    credentials: Annotated[SecretStr | None, BeforeValidator(_as_json)] = Field(
        default=None,
        description=(
            "The content of a service account's key file, as a mapping (or as JSON in one text), in place of `keyfile`."
        ),
    )
    rootdirectory: str = Field(
        default="",
        description="What all keys begin with, as a directory; empty for the bucket's root. It needs not exist.",
    )
    chunksize: Annotated[int, AfterValidator(_whole_chunks)] = Field(
        default=5 * 1024 * 1024,
        ge=CHUNK_MULTIPLE,
        description=(
            "How many bytes of a large blob are sent in one request; a multiple of 262144. Larger ones need fewer"
            " requests and more memory: raise it together with `buffermemory`."
        ),
    )
    maxconcurrency: Annotated[int, AfterValidator(_at_least_minimum)] = Field(
        default=75, description="How many operations may run at once; the others wait. At least 25."
    )
    useragent: str | None = Field(
        default=None, min_length=1, description="The User-Agent of requests; Holdfast and its version, if not given."
    )
    buffermemory: int = Field(
        default=256 * 1024 * 1024,
        ge=1,
        description=(
            "How many bytes all unfinished writes together may hold in memory; a writer waits when there are no more."
            " Of our own, not upstream's."
        ),
    )
    endpoint: Endpoint = Field(
        default=None,
        description=(
            "The URL of the JSON API, for private or regional endpoints, or for an emulator. With http, and neither"
            " `keyfile` nor `credentials`, no credentials are sent. Without it, the variable STORAGE_EMULATOR_HOST is"
            " heeded, as Google's own libraries do. Of our own, not upstream's."
        ),
    )
    redirectendpoint: Endpoint = Field(
        default=None,
        description=(
            "The URL at which clients reach the storage, if it isn't `endpoint`: redirects are signed for it. Of our"
            " own, not upstream's."
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _emulator(cls, values: Any) -> Any:
        """Take the endpoint from the environment, where it isn't given."""
        emulator = os.environ.get(_EMULATOR)
        if emulator and isinstance(values, Mapping) and not values.get("endpoint"):
            return {**values, "endpoint": emulator}
        return values

    @model_validator(mode="after")
    def _one_key(self) -> GCSOptions:
        """Check what belongs together. A secret's own validator couldn't say what is wrong with it."""
        if self.credentials is None:
            return self
        if self.keyfile is not None:
            raise PydanticCustomError("credentials", "'keyfile' and 'credentials' exclude each other: give one of them")
        try:
            key = json.loads(self.credentials.get_secret_value())
        except ValueError:
            key = None
        missing = [name for name in _KEY_FIELDS if not (isinstance(key, dict) and key.get(name))]
        if missing:
            raise PydanticCustomError(
                "credentials",
                "'credentials' is the JSON of a service account's key, of which {missing} is missing",
                {"missing": ", ".join(missing)},
            )
        return self

    @property
    def maxthreads(self) -> int:
        """What the limits layer goes by."""
        return self.maxconcurrency

    @property
    def url(self) -> str:
        """The URL of the JSON API, without a slash at its end."""
        return self.endpoint or GOOGLE_ENDPOINT

    @property
    def anonymous(self) -> bool:
        """Whether no credentials are sent: over http only those go that were given for it."""
        return self.url.startswith("http://") and self.keyfile is None and self.credentials is None
