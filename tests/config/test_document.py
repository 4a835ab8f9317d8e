import pytest

from holdfast.config.document import MAX_BYTES, Value, read_document, read_value
from holdfast.storage.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1", "1"),
        ("a: 0.10", "0.10"),
        ("a: 0123", "0123"),
        ("a: yes", "yes"),
        ("a: 12:30:45", "12:30:45"),
        ("a: :5000", ":5000"),
        ("a: 2026-01-01", "2026-01-01"),
        ("a: !!int 7", "7"),
        ("a: '~'", "~"),
        ("a: ~", None),
        ("a: null", None),
        ("a:", None),
        ("a: ''", ""),
        ("a: [1, {b: 2}]", ["1", {"b": "2"}]),
        ("x: &x [1]\na: *x", ["1"]),
        ("x: &x {b: 1, c: 1}\na: {<<: *x, c: 2}", {"b": "1", "c": "2"}),
        ("x: &x {b: 1}\ny: &y {b: 2, c: 2}\na: {<<: [*x, *y]}", {"b": "1", "c": "2"}),
        ("\ufeffa: 1", "1"),
    ],
)
def test_values_stay_the_text_they_are(text: str, expected: Value) -> None:
    """No value is turned into a number, a boolean or a date; only nothing is `None`; anchors and merges work."""
    actual = read_document(text.encode(), "c.yml").content["a"]

    assert expected == actual


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "c.yml: is empty; it needs at least `version` and `storage`"),
        (b"# nothing\n", "c.yml: is empty; it needs at least `version` and `storage`"),
        (b"- a", "c.yml: isn't a mapping of keys to values"),
        (b"a: [1", "c.yml:1:6: isn't valid YAML: while parsing a flow sequence expected ',' or ']', but got"),
        (b"a: b: c", "c.yml:1:5: isn't valid YAML: mapping values are not allowed here"),
        (b"a: 1\n---\nb: 2", "c.yml:2:1: isn't valid YAML: expected a single document"),
        (b"a: *nowhere", "c.yml:1:4: isn't valid YAML: found undefined alias 'nowhere'"),
        (b"a: &a [*a]", "c.yml:1:4: contains itself"),
        (b"a: !mine x", "c.yml:1:4: has the tag !mine, which means nothing here"),
        (b"a: !!python/object/apply:os.abort []", "c.yml:1:4: has the tag tag:yaml.org,2002:python/object/apply"),
        (b"? [a]\n: 1", "c.yml:1:3: a key is a word"),
        (b"~: 1", "c.yml:1:1: a key is a word"),
        (b"a: {<<: b}", "c.yml:1:9: `<<` takes a mapping or a list of mappings"),
        (b"a: 1\nb: \xff", "c.yml:2: isn't UTF-8 text"),
        (b'a: "\\UFFFFFFFF"', "c.yml: isn't valid YAML: a number is out of range"),
        (b'a: "\\U00110000"', "c.yml: isn't valid YAML: a number is out of range"),
        (b"%YAML 1." + b"9" * 5000 + b"\n---\na: 1", "c.yml: isn't valid YAML: a number is out of range"),
        (b"a: \x00", "c.yml: isn't valid YAML: special characters are not allowed at character 3"),
        (b"a: " + b"[" * 100_000, "c.yml: is nested too deeply"),
        (b"#" * (MAX_BYTES + 1), f"c.yml: is larger than {MAX_BYTES} bytes, which no configuration is"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_place(data: bytes, message: str) -> None:
    """Each way of not being a configuration is one line that names the file and, where there is one, the place."""
    with pytest.raises(ConfigurationError) as caught:
        read_document(data, "c.yml")

    assert message == str(caught.value)[: len(message)]
    assert "\n" not in str(caught.value)


def test_aliases_cannot_multiply_work() -> None:
    """A document whose aliases stand for 2**60 items, by lists or by merges, is read at once."""
    lists = ["l0: &l0 [x]", *(f"l{i}: &l{i} [*l{i - 1}, *l{i - 1}]" for i in range(1, 60))]
    merges = ["m0: &m0 {k: v}", *(f"m{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}]}}" for i in range(1, 60))]

    document = read_document("\n".join(lists + merges).encode(), "c.yml")

    assert {"k": "v"} == document.content["m59"]


def test_places_are_those_of_keys_and_items() -> None:
    """A key is found at its line and column; one that isn't in the text is found at what is around it."""
    document = read_document(b"a:\n  b:\n    - c: 1\n", "c.yml")

    assert "c.yml:1:1" == document.locate(("a",))
    assert "c.yml:3:7" == document.locate(("a", "b", 0))
    assert "c.yml:3:7" == document.locate(("a", "b", 0, "c"))
    assert "c.yml:2:3" == document.locate(("a", "b", 7))
    assert "c.yml" == document.locate(("z",))


@pytest.mark.parametrize(
    ("text", "expected", "remark"),
    [
        (
            "a: 1\nb: 2\na: 3",
            {"a": "3", "b": "2"},
            "3:1: a: stands here a second time, after c.yml:1:1; this one counts",
        ),
        (
            "h:\n  t: {x: 1, y: 1}\n  t: {y: 2}",
            {"h": {"t": {"x": "1", "y": "2"}}},
            "3:3: h.t: stands here a second time, after c.yml:2:3; the two are joined",
        ),
        (
            "storage: {a: {x: 1}, a: {y: 2}}",
            {"storage": {"a": {"y": "2"}}},
            "1:22: storage.a: stands here a second time, after c.yml:1:11; this one counts",
        ),
        ("h: [1]\nh: [2]", {"h": ["2"]}, "2:1: h: stands here a second time, after c.yml:1:1; this one counts"),
    ],
)
def test_a_key_that_stands_twice_counts_as_upstream_has_it(text: str, expected: Value, remark: str) -> None:
    """The later one counts, sections are joined, those of drivers replaced; and there is a word about it."""
    document = read_document(text.encode(), "c.yml")

    assert expected == document.content
    assert [f"c.yml:{remark}, as upstream has it"] == [str(found) for found in document.remarks]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("x", "x"), ("0123", "0123"), ("[a, {b: c}]", ["a", {"b": "c"}]), ("'it''s'", "it's"), ("# no", None)],
)
def test_a_value_by_itself(text: str, expected: Value) -> None:
    """A variable's value is YAML of any kind, whose scalars stay text."""
    assert expected == read_value(text, "V")


@pytest.mark.parametrize(
    "text", ["*hush", "@hush", "hush: hush: hush", "[hush", "hush\x00", "!hush x", "{hush: &a [*a]}"]
)
def test_what_is_wrong_with_a_value_is_told_without_it(text: str) -> None:
    """A secret that isn't YAML isn't quoted in the message."""
    with pytest.raises(ConfigurationError) as caught:
        read_value(text, "V")

    assert "V:" == str(caught.value)[:2]
    assert "hush" not in str(caught.value).replace("the tag !hush", "")
    assert None is caught.value.__cause__
