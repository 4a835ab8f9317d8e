import pytest

from holdfast.config.environment import overrides, refuse_overrides
from holdfast.storage.errors import ConfigurationError


def test_an_override_is_refused_by_name() -> None:
    """Variables that upstream would have read are named, all of them."""
    with pytest.raises(ConfigurationError, match=r"supported .*: REGISTRY_HTTP_ADDR, REGISTRY_STORAGE; write them"):
        refuse_overrides({"REGISTRY_STORAGE": "inmemory", "REGISTRY_HTTP_ADDR": ":5000", "HOME": "/root"})


def test_what_kubernetes_sets_for_a_service_is_no_override() -> None:
    """Variables of the same prefix that aren't upstream's are left alone."""
    actual = overrides({"REGISTRY_SERVICE_HOST": "10.0.0.1", "REGISTRY_PORT_5000_TCP": "tcp://10.0.0.1:5000"})

    assert [] == actual
