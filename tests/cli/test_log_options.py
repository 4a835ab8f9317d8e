from typing import Any

from holdfast.cli.log_options import log_options
from holdfast.config.log import LogSection
from holdfast.logs import LogOptions, MailHookOptions

_MAIL: dict[str, Any] = {
    "type": "mail",
    "levels": ["panic", "error"],
    "options": {
        "smtp": {"addr": "smtp.example.com:25", "username": "u", "password": "p", "insecure": True},
        "from": "registry@example.com",
        "to": ["operator@example.com"],
    },
}


def _options(**section: Any) -> LogOptions:
    return log_options(LogSection.model_validate(section))


def test_the_defaults_are_the_same() -> None:
    """A configuration that says nothing about the log means what the log does by itself."""
    assert LogOptions() == _options()


def test_every_key_arrives() -> None:
    """All keys of the section are told to the log."""
    assert LogOptions(
        level="debug",
        formatter="logstash",
        fields={"service": "registry", "shard": 7},
        report_caller=True,
        access_log=False,
        hooks=(
            MailHookOptions(
                levels=frozenset({"panic", "error"}),
                host="smtp.example.com",
                port=25,
                username="u",
                password="p",
                insecure=True,
                sender="registry@example.com",
                recipients=("operator@example.com",),
            ),
        ),
    ) == _options(
        level="debug",
        formatter="logstash",
        fields={"service": "registry", "shard": 7},
        reportcaller=True,
        accesslog={"disabled": True},
        hooks=[_MAIL],
    )


def test_a_disabled_hook_needs_nothing() -> None:
    """A hook that is switched off isn't looked at, as with upstream."""
    off = [{"type": "pigeon", "disabled": True}, {**_MAIL, "disabled": True}, {"type": "mail", "disabled": True}]

    assert () == _options(hooks=off).hooks
