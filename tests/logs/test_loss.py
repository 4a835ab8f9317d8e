from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from holdfast.logs import report_loss


def _count() -> float:
    return REGISTRY.get_sample_value("registry_log_lost_lines_total", {"log": "access"}) or 0.0


def test_lost_lines_are_counted_and_told() -> None:
    """What is lost is a warning with the number, and adds up in a metric."""
    report = report_loss("access")
    before = _count()
    with capture_logs() as lines:
        report(3)
        report(4)

    assert 7 == _count() - before
    assert [("warning", "access", 3), ("warning", "access", 4)] == [
        (line["log_level"], line["log"], line["count"]) for line in lines
    ]
