"""Whether storage can carry a registry: small checks against the storage itself.

    from holdfast.checking import Plan, Subject, check_storage

    report = await check_storage(Subject.named("filesystem", {"rootdirectory": "/srv/data"}), Plan())
    report.ready

`table` has the checks in their order, `checks` what each does, `hints.toml` what is known of drivers beforehand, such
as the names of permissions; `scratch` keeps all of them within one directory, which is removed whatever happens. It
needs `holdfast.storage` alone.
"""

from holdfast.checking.check import Check
from holdfast.checking.errors import BrokenPromiseError
from holdfast.checking.finding import Finding, Outcome, Problem, Report
from holdfast.checking.plan import Plan, Subject
from holdfast.checking.running import Watcher, check_storage
from holdfast.checking.table import CHECKS, READ_ONLY_CHECKS

__all__ = [
    "CHECKS",
    "READ_ONLY_CHECKS",
    "BrokenPromiseError",
    "Check",
    "Finding",
    "Outcome",
    "Plan",
    "Problem",
    "Report",
    "Subject",
    "Watcher",
    "check_storage",
]
