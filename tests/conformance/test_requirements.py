"""The table of requirements, the tests that prove them, and the page that shows both."""

from tests.conformance.page import PAGE, UNTESTED, text
from tests.conformance.requirements import REQUIREMENTS, proofs


def test_every_requirement_on_registries_has_a_test() -> None:
    """No MUST, SHOULD or endpoint goes unchecked, and what a registry merely may do has a test or a reason."""
    on_registry = {item.id for item in REQUIREMENTS.values() if item.party == "registry"}
    untested = on_registry - proofs().keys()

    assert set() == untested - UNTESTED.keys()
    assert set() == UNTESTED.keys() - untested, "a reason that is no longer needed"
    assert set() == {item for item in UNTESTED if REQUIREMENTS[item].needs_test}


def test_table_is_of_one_form() -> None:
    """Every row says who has to do something, how bindingly, and what."""
    words = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "OPTIONAL", "endpoint"}

    assert {"registry", "client"} == {item.party for item in REQUIREMENTS.values()}
    assert words == {word for item in REQUIREMENTS.values() for word in item.level.split(", ")}
    assert [] == [item.id for item in REQUIREMENTS.values() if not item.summary.endswith(".") or "|" in item.summary]


def test_page_is_up_to_date() -> None:
    """The page in the reference says what the table and the tests say."""
    assert PAGE.read_text(encoding="utf-8") == text()
