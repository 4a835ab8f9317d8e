from __future__ import annotations

from typing import Any

import pytest
from pydantic import AliasChoices, Field, SecretStr, field_validator

from holdfast.storage.errors import InvalidParameterError
from holdfast.storage.options import DriverOptions, OptionInfo, describe, parse


class Options(DriverOptions):
    """One option of each kind."""

    bucket: str = Field(description="The bucket's name.")
    secretkey: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("secretkey", "secret_key"), description="The key."
    )
    maxthreads: int = Field(default=100, ge=1, description="How many operations run at once.")
    size: int | str = Field(default=5, description="A size.")
    secure: bool = Field(default=True, description="Whether TLS is used.")
    headers: dict[str, int] = Field(default_factory=dict, description="Headers.")
    hosts: list[int] = Field(default_factory=list, description="Hosts.")

    @field_validator("secretkey")
    @classmethod
    def quote(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse it in a way that tells it."""
        if value and value.get_secret_value().startswith("hunter"):
            raise ValueError(f"{value.get_secret_value()} is too well known")
        return value


def test_parameters_become_options() -> None:
    """Text stands for numbers and booleans, an alias for its option."""
    options = parse("x", Options, {"bucket": "b", "secret_key": "s", "maxthreads": "7", "secure": "false"})

    assert ("b", 7, False) == (options.bucket, options.maxthreads, options.secure)
    assert options.secretkey is not None
    assert "s" == options.secretkey.get_secret_value()


@pytest.mark.parametrize(
    ("parameters", "key", "reason"),
    [
        ({}, "bucket", "is required"),
        ({"bucket": "b", "bukket": "c"}, "bukket", "is unknown; did you mean 'bucket'?"),
        ({"bucket": "b", "zzz": "c"}, "zzz", "is unknown (known: bucket, "),
        ({"bucket": ["b"]}, "bucket", "input should be a valid string"),
        ({"bucket": None}, "bucket", "input should be a valid string"),
        ({"bucket": "b", "maxthreads": "many"}, "maxthreads", "input should be a valid integer"),
        ({"bucket": "b", "maxthreads": 0}, "maxthreads", "greater than or equal to 1"),
        ({"bucket": "b", "size": [5]}, "size", "input should be a valid"),
        ({"bucket": "b", "headers": {"Host": "x"}}, "headers.Host", "input should be a valid integer"),
        ({"bucket": "b", "hosts": [1, "x"]}, "hosts.1", "input should be a valid integer"),
        ({"bucket": "b", "secretkey": "hunter2"}, "secretkey", "is not valid"),
        ({"bucket": "b", "secret_key": "hunter2"}, "secret_key", "is not valid"),
        ({"bucket": "b", "secretkey": ["hunter2"]}, "secretkey", "is not valid"),
    ],
)
def test_a_wrong_parameter_is_one_error_by_driver_and_key(parameters: dict[str, Any], key: str, reason: str) -> None:
    """It says what is wrong with which; of a value it tells nothing, not even as its cause."""
    with pytest.raises(InvalidParameterError) as caught:
        parse("mystore", Options, parameters)
    error = caught.value

    assert ("mystore", key) == (error.driver, error.key)
    assert reason in error.reason
    assert f"storage driver 'mystore': parameter '{key}': {error.reason}" == str(error)
    assert "hunter2" not in str(error)
    assert None is error.__cause__
    assert error.__suppress_context__


def test_secrets_show_nowhere() -> None:
    """Neither the options' repr, nor their text, nor their dump, nor their description has them."""
    options = parse("x", Options, {"bucket": "b", "secretkey": "s3cret"})
    shown = f"{options!r} {options} {options.model_dump()} {options.model_dump_json()} {describe(Options)}"

    assert "s3cret" not in shown
    assert "**********" in shown


class _Identity(DriverOptions):
    kind: str = Field(description="Which kind.")
    password: SecretStr | None = Field(
        default=None, min_length=20, description="Its word.", validation_alias=AliasChoices("password", "word")
    )


class _Nested(DriverOptions):
    identity: _Identity | None = Field(default=None, description="Who we are.")
    verify: bool = Field(default=True, description="Whether to look.")


def test_options_within_options_are_described() -> None:
    """Each by its dotted key, after the one that it is in; a default is written as a configuration file has it."""
    described = [pair for option in describe(_Nested) for pair in option.flattened()]

    assert ["identity", "identity.kind", "identity.password", "verify"] == [key for key, _ in described]
    assert [("mapping", "Who we are.")] == [(info.type, info.description) for key, info in described[:1]]
    assert ["identity.password"] == [key for key, info in described if info.secret]
    assert ["identity.kind"] == [key for key, info in described if info.required]
    assert "true" == described[-1][1].default


@pytest.mark.parametrize("name", ["password", "word"])
def test_a_secret_within_options_is_kept(name: str) -> None:
    """By which of its names it was given doesn't matter; a validator's message could quote it."""
    with pytest.raises(InvalidParameterError) as caught:
        parse("mystore", _Nested, {"identity": {"kind": "x", name: "hunter2"}})

    assert (f"identity.{name}", "is not valid") == (caught.value.key, caught.value.reason)


def test_options_do_not_change() -> None:
    """They are what the driver was made with."""
    options = parse("x", Options, {"bucket": "b"})
    with pytest.raises(ValueError, match="frozen"):
        options.bucket = "c"


def test_a_description_tells_what_a_person_needs() -> None:
    """Name, type as a word, default, whether required and secret, aliases."""
    infos = {info.name: info for info in describe(Options)}

    assert list(Options.model_fields) == list(infos)
    assert (
        OptionInfo(
            name="bucket",
            aliases=(),
            type="text",
            default=None,
            required=True,
            secret=False,
            description="The bucket's name.",
        )
        == infos["bucket"]
    )
    assert (("secret_key",), True, "text") == (
        infos["secretkey"].aliases,
        infos["secretkey"].secret,
        infos["secretkey"].type,
    )
    assert ("whole number", "100") == (infos["maxthreads"].type, infos["maxthreads"].default)
    assert ("whole number or text", "boolean") == (infos["size"].type, infos["secure"].type)
