"""The section `http`."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from holdfast.config.address import Address, validate_address
from holdfast.config.duration import Duration
from holdfast.config.section import Section

__all__ = ["HTTPSection"]


class HTTPSection(Section):
    """Where and how the registry listens."""

    addr: Annotated[Address, BeforeValidator(validate_address)] = Field(
        default=Address(host="127.0.0.1", port=5000),
        description=(
            "The address to listen on, as `HOST:PORT`; `:5000` is port 5000 on every address of the machine, port 0"
            " is one that the system picks."
        ),
    )
    draintimeout: Duration = Field(
        default=timedelta(seconds=30),
        description=(
            "How long requests that are running at SIGTERM may take to finish, as a duration: `30s`, `1m30s`; `0`"
            " cuts them off at once, as upstream does by default. Unfinished uploads can be resumed after a restart"
            " either way."
        ),
    )
    secret: SecretStr | None = Field(
        default=None,
        description=(
            "What signs the state of uploads that clients carry. Without one, the registry makes one and keeps it in"
            " its storage, where all replicas on that storage find it."
        ),
    )
