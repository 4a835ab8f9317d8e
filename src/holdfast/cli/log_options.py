"""From the section `log` of the configuration to what the log is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.config import Address
from holdfast.logs import LogOptions, MailHookOptions

if TYPE_CHECKING:
    from holdfast.config.log import LogHook, LogSection

__all__ = ["log_options"]


def log_options(section: LogSection) -> LogOptions:
    """Tell what is logged, and how. Hooks that aren't mails are left out; serving refuses them elsewhere."""
    return LogOptions(
        level=section.level,
        formatter=section.formatter,
        fields=section.fields,
        report_caller=section.reportcaller,
        access_log=not section.accesslog.disabled,
        hooks=tuple(_mail_hook(hook) for hook in section.hooks if hook.type == "mail" and not hook.disabled),
    )


def _mail_hook(hook: LogHook) -> MailHookOptions:
    options, smtp = hook.options, hook.options.smtp
    server = Address.parse(smtp.addr or "")  # the section has made sure that it is there, as the others are
    return MailHookOptions(
        levels=frozenset(hook.levels),
        host=server.host,
        port=server.port,
        username=smtp.username or "",
        password="" if smtp.password is None else smtp.password.get_secret_value(),
        insecure=smtp.insecure,
        sender=options.from_ or "",
        recipients=options.to,
    )
