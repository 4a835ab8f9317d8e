import os

import pytest

__all__: list[str] = []


@pytest.fixture(autouse=True)
def bare_environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No credentials or settings of whoever runs the tests are found by the SDK, and no metadata is asked for."""
    request.getfixturevalue("s3_ready")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "nowhere"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
