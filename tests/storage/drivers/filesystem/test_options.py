import pytest

from holdfast.storage import InvalidParameterError
from holdfast.storage.drivers.filesystem import FilesystemOptions
from holdfast.storage.options import parse


def test_defaults_are_upstreams() -> None:
    """With no parameters, what the Docker Registry does."""
    options = parse("filesystem", FilesystemOptions, {})

    assert (options.rootdirectory, options.maxthreads) == ("/var/lib/registry", 100)


@pytest.mark.parametrize(("given", "threads"), [(1, 25), (25, 25), ("200", 200), (-1, 25)])
def test_too_few_threads_are_raised_to_the_minimum(given: object, threads: int) -> None:
    """As upstream, which takes text as well."""
    assert parse("filesystem", FilesystemOptions, {"maxthreads": given}).maxthreads == threads


@pytest.mark.parametrize("parameters", [{"maxthreads": "many"}, {"rootdirectory": ""}, {"rootdir": "/x"}])
def test_what_makes_no_sense_is_refused(parameters: dict[str, object]) -> None:
    """With an error that names the key."""
    with pytest.raises(InvalidParameterError) as caught:
        parse("filesystem", FilesystemOptions, parameters)

    assert caught.value.key in parameters
