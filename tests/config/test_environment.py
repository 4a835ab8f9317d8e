import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.config import Configuration, parse
from holdfast.config.environment import overrides
from holdfast.storage.errors import ConfigurationError
from tests.config.lookup import value_at

_FILE = """\
version: 0.1
log: {level: info, fields: {environment: test}}
storage:
  somedriver: {string1: string-value1, bool1: true, nil1: ~, int1: 42}
  tag: {concurrencylimit: 10}
auth: {silly: {realm: silly, service: silly}}
notifications:
  endpoints: [{name: endpoint-1, url: 'http://example.com', headers: {Authorization: [Bearer example]}}]
http:
  headers: {X-Content-Type-Options: [nosniff]}
redis: {addrs: ['localhost:6379'], username: alice, password: '123456'}
validation: {manifests: {indexes: {platforms: none}}}
"""

_TWO_DRIVERS = (
    "c.yml:3:1: storage: names 2 drivers (somedriver, {}); it needs exactly one; "
    "somedriver is at c.yml:4:3; {} is at {}"
)


def _parsed(environment: dict[str, str], file: str = _FILE) -> Configuration:
    return parse(file.encode(), environment, source="c.yml", check_driver=False)


def _message(environment: dict[str, str], file: str = _FILE) -> str:
    with pytest.raises(ConfigurationError) as caught:
        _parsed(environment, file)
    message = str(caught.value)

    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("environment", "path", "expected"),
    [
        ({"REGISTRY_LOG_LEVEL": "error"}, "log.level", "error"),
        ({"REGISTRY_LOG_FIELDS": "{abc: xyz}"}, "log.fields", {"abc": "xyz"}),
        ({"REGISTRY_LOG_FIELDS_SERVICE": "r"}, "log.fields", {"environment": "test", "service": "r"}),
        ({"REGISTRY_LOG_FIELDS_ENVIRONMENT": "r"}, "log.fields", {"environment": "r"}),
        ({"REGISTRY_LOG_HOOKS": "- {type: asdf, disabled: yes}"}, "log.hooks.0.type", "asdf"),
        ({"REGISTRY_LOG_HOOKS_0_TYPE": "asdf"}, "log.hooks.0.type", "asdf"),
        (
            {"REGISTRY_LOG_HOOKS_0": "{type: mail, disabled: true}", "REGISTRY_LOG_HOOKS_0_MAILOPTIONS_FROM": "a@b"},
            "log.hooks.0.options.from_",
            "a@b",
        ),
        ({"REGISTRY_STORAGE": "inmemory"}, "storage.driver", "inmemory"),
        ({"REGISTRY_STORAGE": "inmemory"}, "storage.parameters", {}),
        ({"REGISTRY_STORAGE": "inmemory"}, "storage.tag.concurrencylimit", 0),
        ({"REGISTRY_STORAGE": "{a: {b: c}, delete: {enabled: on}}"}, "storage.delete.enabled", True),
        (
            {"REGISTRY_STORAGE": "somedriver", "REGISTRY_STORAGE_SOMEDRIVER_REGION": "us-east-1"},
            "storage.parameters",
            {"region": "us-east-1"},
        ),
        (
            {
                "REGISTRY_STORAGE_SOMEDRIVER_STRING1": "us-west-1",
                "REGISTRY_STORAGE_SOMEDRIVER_BOOL1": "false",
                "REGISTRY_STORAGE_SOMEDRIVER_NIL1": "0123",
                "REGISTRY_STORAGE_SOMEDRIVER_NEWPARAM": "some Value",
            },
            "storage.parameters",
            {"string1": "us-west-1", "bool1": "false", "nil1": "0123", "int1": "42", "newparam": "some Value"},
        ),
        ({"REGISTRY_STORAGE_SOMEDRIVER": "{a: {b: [c]}}"}, "storage.parameters", {"a": {"b": ["c"]}}),
        ({"REGISTRY_STORAGE_SOMEDRIVER_A_B_C": "d"}, "storage.parameters.a", {"b": {"c": "d"}}),
        ({"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED": "true"}, "storage.maintenance.readonly.enabled", True),
        ({"REGISTRY_STORAGE_DELETE_ENABLED": "true"}, "storage.delete.enabled", True),
        ({"REGISTRY_AUTH": "none"}, "auth.kind", "none"),
        ({"REGISTRY_AUTH_SILLY_REALM": "other"}, "auth.silly.realm", "other"),
        ({"REGISTRY_REDIS_USERNAME": "bob"}, "redis.username", "bob"),
        ({"REGISTRY_NOTIFICATIONS_ENDPOINTS_0_NAME": "n"}, "notifications.endpoints.0.name", "n"),
        ({"REGISTRY_NOTIFICATIONS_ENDPOINTS_1_URL": "http://b"}, "notifications.endpoints.1.url", "http://b"),
        ({"REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES": "y"}, "notifications.events.includereferences", True),
        ({"REGISTRY_NOTIFICATIONS_EVENTS_INCLUDEREFERENCES": "y"}, "notifications.events.includereferences", True),
        ({"REGISTRY_HEALTH_FILECHECKERS_0_FILE": "/x"}, "health.file.0.file", "/x"),
        ({"REGISTRY_HEALTH_FILE_0_FILE": "/x"}, "health.file.0.file", "/x"),
        ({"REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_0": "r.example"}, "http.tls.letsencrypt.hosts", ("r.example",)),
        (
            {"REGISTRY_HTTP_HEADERS_X-CONTENT-TYPE-OPTIONS": "[a, b]"},
            "http.headers",
            {"X-Content-Type-Options": ("a", "b")},
        ),
        ({"REGISTRY_HTTP_HEADERS_X-CONTENT-TYPE-OPTIONS_1": "b"}, "http.header_pairs.1.1", "b"),
        ({"REGISTRY_HTTP_HEADERS_STRICT": "[a]"}, "http.headers.strict", ("a",)),
        ({"REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMS": ""}, "validation.manifests.indexes.platforms", "all"),
        ({"REGISTRY_LOGLEVEL": "debug", "REGISTRY_LOG_LEVEL": ""}, "log.level", "debug"),
        ({"REGISTRY_LOGLEVEL": "debug"}, "log.level", "info"),
        ({"REGISTRY_HOLDFAST_REPOSITORIES_DELETE": "true"}, "holdfast.repositories.delete", True),
        ({"REGISTRY_HOLDFAST_HTTP_BODYMEMORY": "1MiB"}, "holdfast.http.bodymemory", 1024 * 1024),
        ({"REGISTRY_VERSION": "0.1"}, "version", "0.1"),
        ({"REGISTRY_HTTP_ADDR": ":5000 # everywhere"}, "http.addr.port", 5000),
    ],
)
def test_a_variable_overrides_as_upstream_has_it(environment: dict[str, str], path: str, expected: object) -> None:
    """Sections, lists, maps and whole YAML values are replaced where upstream replaces them."""
    actual = value_at(_parsed(environment), path)

    assert expected == actual


@pytest.mark.parametrize(
    "name",
    [
        "REGISTRY_DUCKS",
        "REGISTRY_PORT",
        "REGISTRY_PORT_5000_TCP_ADDR",
        "REGISTRY_SERVICE_HOST",
        "REGISTRY_SERVICE_PORT_HTTP",
        "REGISTRY_CONFIGURATION_PATH",
        "registry_http_addr",
        "OTHER_HTTP_ADDR",
    ],
)
def test_what_names_no_section_means_nothing(name: str) -> None:
    """Variables of the same prefix that are of something else are left alone."""
    assert [] == overrides({name: "quack"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGISTRY_REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("REGISTRY_REDIS_PORT_6379_TCP", "tcp://10.0.0.1:6379"),
        ("REGISTRY_REDIS_PORT_6379_TCP_ADDR", "10.0.0.1"),
        ("REGISTRY_REDIS_PORT_6379_TCP_PROTO", "tcp"),
        ("REGISTRY_STORAGE_SERVICE_HOST", "fd00::1"),
        ("REGISTRY_HTTP_SERVICE_PORT", "80"),
        ("REGISTRY_HTTP_SERVICE_PORT_HTTP_WEB", "80"),
    ],
)
def test_what_tells_of_a_service_means_nothing(name: str, value: str) -> None:
    """Kubernetes tells every container of services named `registry-redis` and the like, in such variables."""
    assert [] == overrides({name: value})


def test_a_parameter_that_is_called_port_is_no_service() -> None:
    """Only what looks like a service's address by its value too is left alone."""
    actual = _parsed({"REGISTRY_STORAGE_SOMEDRIVER_PORT": "9000"})

    assert "9000" == actual.storage.parameters["port"]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"REGISTRY_HTTP_ADR": ":5000"},
            "REGISTRY_HTTP_ADR: http.adr: is unknown; did you mean REGISTRY_HTTP_ADDR? (known: addr, ",
        ),
        (
            {"REGISTRY_HTTP_TLS_KEYS": "x"},
            "REGISTRY_HTTP_TLS_KEYS: http.tls.keys: is unknown; did you mean REGISTRY_HTTP_TLS_KEY?",
        ),
        ({"REGISTRY_HTTP": "x"}, "REGISTRY_HTTP: http: needs keys and values below it"),
        ({"REGISTRY_HTTP_ADDR_HOST": "x"}, "REGISTRY_HTTP_ADDR_HOST: http.addr: is a single value, and has no keys"),
        ({"REGISTRY_HTTP_ADDR": "x"}, "REGISTRY_HTTP_ADDR: http.addr: 'x' lacks a port"),
        ({"REGISTRY_http_addr": ":5"}, "REGISTRY_http_addr: http: is unknown; did you mean REGISTRY_HTTP?"),
        ({"REGISTRY_HTTP_": "x"}, "REGISTRY_HTTP_: http.: is unknown (known: addr, "),
        ({"REGISTRY_LOG_HOOKS": "somestring"}, "REGISTRY_LOG_HOOKS: log.hooks: needs a list"),
        (
            {"REGISTRY_LOG_HOOKS_FIRST_TYPE": "x"},
            "REGISTRY_LOG_HOOKS_FIRST_TYPE: log.hooks: is a list: an item is named",
        ),
        (
            {"REGISTRY_LOG_HOOKS_1_TYPE": "x"},
            "REGISTRY_LOG_HOOKS_1_TYPE: log.hooks: has 0 items, so that the next index",
        ),
        (
            {"REGISTRY_LOG_LEVEL": "derp"},
            "REGISTRY_LOG_LEVEL: log.level: input should be 'error', 'warn', 'info' or 'debug'",
        ),
        ({"REGISTRY_LOGLEVEL": "derp"}, "REGISTRY_LOGLEVEL: loglevel: input should be 'error', 'warn',"),
        (
            {"REGISTRY_STORAGE_SOMEDRIVER": "somestring"},
            "c.yml:3:1: storage: somedriver needs parameters as `key: value`",
        ),
        (
            {"REGISTRY_STORAGE_SOMEDRIVER_STRING1_MORE": "x"},
            "REGISTRY_STORAGE_SOMEDRIVER_STRING1_MORE: storage.somedriver.string1: has no keys: it is a single",
        ),
        (
            {"REGISTRY_STORAGE_S3_BUCKET": "b"},
            _TWO_DRIVERS.format("s3", "s3", "REGISTRY_STORAGE_S3_BUCKET")
            + "; REGISTRY_STORAGE=s3 would replace what the file says",
        ),
        (
            {"REGISTRY_STORAGE_DELTE_ENABLED": "true"},
            _TWO_DRIVERS.format("delte", "delte", "REGISTRY_STORAGE_DELTE_ENABLED")
            + "; did you mean 'delete' by 'delte'?",
        ),
        ({"REGISTRY_VERSION": "2.8.3"}, "REGISTRY_VERSION: version: input should be '0.1'"),
        ({"REGISTRY_HTTP_SECRET": "{a: b}"}, "REGISTRY_HTTP_SECRET: http.secret: needs text; put it in quotes"),
        ({"REGISTRY_HTTP_SECRET": "#hush"}, "REGISTRY_HTTP_SECRET: http.secret: is nothing but a comment in YAML"),
        ({"REGISTRY_HTTP_SECRET": "@hush"}, "REGISTRY_HTTP_SECRET: http.secret: isn't a YAML value (character 1); put"),
        ({"REGISTRY_HTTP_SECRET": "*hush"}, "REGISTRY_HTTP_SECRET: http.secret: isn't a YAML value (character 1); put"),
        ({"REGISTRY_HTTP_SECRET": "hush: hush: hush"}, "REGISTRY_HTTP_SECRET: http.secret: isn't a YAML value"),
        ({"REGISTRY_HTTP_SECRET": "hush\x00"}, "REGISTRY_HTTP_SECRET: http.secret: isn't a YAML value: special"),
    ],
)
def test_a_wrong_variable_is_one_line_with_its_name(environment: dict[str, str], message: str) -> None:
    """What upstream passes over with a warning, or at which it ends with a panic, is told with the variable's name."""
    actual = _message(environment)

    assert message == actual[: len(message)]
    assert "hush" not in actual.replace("REGISTRY", "")


def test_a_file_without_storage_can_get_it_from_variables() -> None:
    """The least file and variables make a configuration, as upstream has it."""
    environment = {
        "REGISTRY_STORAGE": "filesystem",
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/tmp/testroot",
        "REGISTRY_AUTH": "silly",
        "REGISTRY_AUTH_SILLY_REALM": "silly",
        "REGISTRY_AUTH_SILLY_SERVICE": "silly",
    }

    actual = _parsed(environment, "version: 0.1")

    assert ("filesystem", {"rootdirectory": "/tmp/testroot"}) == (actual.storage.driver, actual.storage.parameters)
    assert "silly" == actual.auth.kind


def test_items_count_in_the_order_of_their_indexes() -> None:
    """A list of more than ten items can be written in variables, though as text 10 comes before 2."""
    items = tuple(f"/ca{index}.pem" for index in range(12))

    actual = _parsed({f"REGISTRY_HTTP_TLS_CLIENTCAS_{index}": item for index, item in enumerate(items)})

    assert items == actual.http.tls.clientcas


def test_items_of_a_list_are_changed_one_by_one() -> None:
    """Those that no variable names stay what they are in the file."""
    file = "version: 0.1\nstorage: a\nredis: {addrs: [a, b, c]}"

    actual = _parsed({"REGISTRY_REDIS_ADDRS_0": "x", "REGISTRY_REDIS_ADDRS_1": "y"}, file)

    assert ("x", "y", "c") == actual.redis.addrs


def test_what_a_variable_replaces_is_no_longer_of_the_file() -> None:
    """What is wrong inside of a variable's value is told with its name, though the file has the same key."""
    file = "version: 0.1\nstorage: a\nhttp: {addr: ':5000'}"

    actual = _message({"REGISTRY_HTTP": "{addr: nowhere}"}, file)

    assert actual.startswith("REGISTRY_HTTP: http.addr: 'nowhere' lacks a port")


def test_what_an_alias_stands_for_is_changed_in_one_place() -> None:
    """A variable changes the key that it names, and not others that share its value in the file."""
    file = "version: 0.1\nstorage: {a: {x: &x {k: v}, y: *x}}"

    actual = _parsed({"REGISTRY_STORAGE_A_Y_K": "w"}, file)

    assert {"x": {"k": "v"}, "y": {"k": "w"}} == actual.storage.parameters


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
_BOOLEAN = st.sampled_from(["true", "false", "on", "No"])
_NUMBER = st.integers(1, 10**6).map(str)
_DURATION = st.sampled_from(["10s", "1m30s", "100ms", "2000000"])
_HEADERS = st.dictionaries(
    st.sampled_from(["accept", "x-a"]), st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2)
)

_SECTIONS: dict[str, st.SearchStrategy[Any]] = {
    "log": st.fixed_dictionaries(
        {"level": st.sampled_from(["info", "WARN"])},
        optional={
            "fields": st.dictionaries(st.sampled_from(["service", "environment"]), _TEXT, min_size=1),
            "hooks": st.lists(
                st.fixed_dictionaries(
                    {"type": _TEXT, "disabled": st.just("true")}, optional={"levels": st.just(["panic"])}
                ),
                min_size=1,
                max_size=3,
            ),
        },
    ),
    "storage": st.fixed_dictionaries(
        {"s3": st.dictionaries(st.sampled_from(["bucket", "region"]), _TEXT | st.dictionaries(st.just("deep"), _TEXT))},
        optional={
            "delete": st.fixed_dictionaries({"enabled": _BOOLEAN}),
            "maintenance": st.fixed_dictionaries({"uploadpurging": st.fixed_dictionaries({"age": _DURATION})}),
            "cache": st.fixed_dictionaries({"blobdescriptor": st.just("redis"), "blobdescriptorsize": _NUMBER}),
        },
    ),
    "http": st.fixed_dictionaries(
        {"secret": _TEXT, "headers": _HEADERS},
        optional={
            "draintimeout": _DURATION,
            "debug": st.fixed_dictionaries({"addr": st.just(":5001"), "prometheus": st.just({"enabled": "yes"})}),
            "tls": st.fixed_dictionaries({"clientcas": st.lists(_TEXT, min_size=1, max_size=3)}),
        },
    ),
    "health": st.fixed_dictionaries(
        {
            "http": st.lists(
                st.fixed_dictionaries({"uri": st.just("http://a"), "interval": _DURATION, "headers": _HEADERS}),
                max_size=2,
            )
        }
    ),
    "validation": st.fixed_dictionaries({"manifests": st.just({"urls": {"allow": ["^a", "b$"]}})}),
    "holdfast": st.fixed_dictionaries({"uploads": st.fixed_dictionaries({"minchunk": _NUMBER})}),
}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON would write one character as two escapes, YAML reads two


@st.composite
def _contents(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.sets(st.sampled_from(sorted(_SECTIONS))) | st.just(set(_SECTIONS)))
    return {name: draw(_SECTIONS[name]) for name in sorted({*names, "storage"})}


def _divide(data: st.DataObject, value: Any, name: str) -> dict[str, str]:
    """Variables that say together what the value is, each at a depth of its own."""
    parts = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [])
    if not parts or data.draw(st.booleans()):
        return {name: _json(value) if data.draw(st.booleans()) else yaml.safe_dump(value)}
    variables: dict[str, str] = {}
    for part, item in parts:
        variables |= _divide(data, item, f"{name}_{str(part).upper()}")
    return variables


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_variables_of_any_depth_mean_what_the_file_would(data: st.DataObject) -> None:
    """However values are divided among variables, they mean what they mean in the file."""
    content = data.draw(_contents())
    environment: dict[str, str] = {}
    for name, section in content.items():
        environment |= _divide(data, section, f"REGISTRY_{name.upper()}")

    expected = _parsed({}, yaml.safe_dump({"version": "0.1"} | content))
    actual = _parsed(environment, "version: 0.1")

    assert expected == actual


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_variable_means_that_value_in_the_file(data: st.DataObject) -> None:
    """A variable over any file means the file with that value in that place, at any depth."""
    content, other = data.draw(_contents()), data.draw(_contents())
    path: list[str] = []
    value: Any = other
    while isinstance(value, dict) and value and (not path or data.draw(st.booleans())):
        path.append(data.draw(st.sampled_from(sorted(value))))
        value = value[path[-1]]
    changed: Any = copy.deepcopy(content)
    place = changed
    for part in path[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            return  # the file has something else there, and that is refused
    place[path[-1]] = value

    expected = _parsed({}, yaml.safe_dump({"version": "0.1"} | changed))
    variable = "_".join(["REGISTRY", *path]).upper()
    actual = _parsed({variable: _json(value)}, yaml.safe_dump({"version": "0.1"} | content))

    assert expected == actual
