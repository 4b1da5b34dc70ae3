"""The body reader: what it takes, what it refuses, and that errors name the place but never the content."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app import jsonbody
from sessions_app.errors import FieldsError, InvalidEvent, InvalidFields, MalformedBody
from sessions_app.jsonbody import (
    MAX_BODY_BYTES,
    MAX_DEPTH,
    MAX_INTEGER_CHARS,
    is_finite,
    is_plain_name,
    member_path,
    parse_object,
    read_object,
    text_fault,
)

CANARY = "Rosalind"

# Characters that the structure scan has to get right inside strings, and some that it must not care about.
tricky_text = st.text(st.sampled_from('"\\[]{}:,/bun0 é😀\n'), max_size=12)
storable_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | tricky_text
    | storable_text
)
names = tricky_text | storable_text
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))
bodies = st.dictionaries(names, trees, max_size=5)


def refusal(data: bytes) -> FieldsError:
    with pytest.raises(FieldsError) as caught:
        read_object(data)
    return caught.value


def assert_malformed(data: bytes, field: str, code: str) -> str:
    error = refusal(data)
    assert type(error) is MalformedBody
    assert [(problem.field, problem.code) for problem in error.problems] == [(field, code)]
    assert CANARY not in f"{error} {error.extra}"
    return error.problems[0].message


def nested(depth: int, opening: str, closing: str) -> bytes:
    """Return an object whose member "a" brings the whole body to ``depth``."""
    inner = opening * (depth - 1)
    return f'{{"a":{inner}{"1" if opening.endswith(":") else ""}{closing * (depth - 1)}}}'.encode()


def test_jsonbody_limits() -> None:
    assert (MAX_BODY_BYTES, MAX_DEPTH, MAX_INTEGER_CHARS) == (1_048_576, 16, 308)


def test_read_object_reads_a_common_body_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(jsonbody, "_read_carefully")
    event = {"label": 'é \\ "quoted": 😀 [1]', "confidence": 1e-05, "flags": ["a"], "subtext": None, "n": 12}
    body = {"events": [event] * 3}
    assert read_object(json.dumps(body, ensure_ascii=False).encode()) == body


def test_read_object_returns_values_exactly_as_sent() -> None:
    body = read_object(b' {"i": 1, "f": 1.0, "big": 9007199254740993, "n": null, "t": true, "e": [], "o": {}} ')
    assert body == {"i": 1, "f": 1.0, "big": 9007199254740993, "n": None, "t": True, "e": [], "o": {}}
    assert [type(value) for value in body.values()] == [int, float, int, type(None), bool, list, dict]
    assert list(body) == ["i", "f", "big", "n", "t", "e", "o"]


@given(
    bodies,
    st.booleans(),
    st.sampled_from([None, 1]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :\r\n")]),
)
def test_read_object_agrees_with_the_standard_parser(
    body: dict[str, Any], ascii_only: bool, indent: int | None, separators: tuple[str, str]
) -> None:
    data = json.dumps(body, ensure_ascii=ascii_only, indent=indent, separators=separators).encode()
    if depth_of(body) > MAX_DEPTH:
        assert_malformed(data, "body", "depth")
    else:
        assert read_object(data) == json.loads(data)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b'{"a":"\xff"}', 6),
        (b"\xff\xfe{\0}\0", 0),
        (b'{"a":"\xed\xa0\x80"}', 6),  # a surrogate spelled in UTF-8
        (b'{"a":"' + CANARY.encode() + b'\xc3"}', 14),
    ],
)
def test_read_object_refuses_what_is_not_utf8(data: bytes, position: int) -> None:
    message = assert_malformed(data, "body", "encoding")
    assert f"byte {position}" in message


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"", 1, 1),
        (b"   ", 1, 4),
        (b"{", 1, 2),
        (b"{'a': 1}", 1, 2),
        (b'{"a": Rosalind}', 1, 7),
        (b'{"a": 1,}', 1, 9),
        (b'{"a": 1}\n{"b": 2}', 2, 1),
        (b'{\n "a": 01}', 2, 8),
        (b'{"a": "Rosalind', 1, 7),
        (b'{"a": "tab\there"}', 1, 11),
        (b'{"a": "nul\0here"}', 1, 11),
        (b'{"a": "\\x41"}', 1, 8),
        (b'{"a": "\\ud8"}', 1, 9),
        (b'\xef\xbb\xbf{"a": 1}', 1, 1),  # a byte order mark
        (b'{"a": NaN, "a": 1e400, "b"}', 1, 27),
        (b'{"a": "\\u0000", b}', 1, 17),
        (b'{"a": .5}', 1, 7),
        (b'{"a": [}', 1, 8),
        (b'{"a": 1]', 1, 8),
    ],
)
def test_read_object_refuses_what_is_not_json(data: bytes, line: int, column: int) -> None:
    message = assert_malformed(data, "body", "json")
    assert f"line {line}, column {column}" in message


@pytest.mark.parametrize("data", [b"[]", b"null", b"true", b"1", b'"Rosalind"', b'[{"a": 1}]'])
def test_read_object_refuses_what_is_not_an_object(data: bytes) -> None:
    assert_malformed(data, "body", "not_an_object")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_read_object_takes_the_depth_limit_and_no_more(opening: str, closing: str) -> None:
    assert depth_of(read_object(nested(MAX_DEPTH, opening, closing))) == MAX_DEPTH
    assert_malformed(nested(MAX_DEPTH + 1, opening, closing), "body", "depth")


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":[' * 50_000 + b"]}" * 50_000,
        b'{"a": "\\\\", "b": ' + b"[" * 100_000,  # the quote after an escaped backslash ends the string
        b'{"a": "\\"", "b": ' + b"[" * 100_000,
        b'{"a": "]]]]", "b": ' + b"[" * 100_000,
    ],
)
def test_read_object_survives_absurd_nesting(data: bytes) -> None:
    assert_malformed(data, "body", "depth")


@pytest.mark.parametrize(
    "text",
    ["[" * 1000, "{" * 1000, '"' + "[" * 40, "\\" + "[" * 40, '\\"' + "[" * 40, '""[[' * 40, ':"{:[' * 40],
)
def test_read_object_does_not_count_brackets_inside_strings(text: str) -> None:
    body = {"a": text, text: [text, {text: "[" * 40}], "b": 1}
    assert read_object(json.dumps(body).encode()) == body


@pytest.mark.parametrize(
    ("template", "field"), [('{"a": %s}', "a"), ('{"events": [{}, {"x": [%s]}]}', "events[1].x[0]")]
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_read_object_refuses_integers_too_long_for_a_double(template: str, field: str, sign: str) -> None:
    longest = sign + "9" * (MAX_INTEGER_CHARS - len(sign))
    assert longest in json.dumps(read_object((template % longest).encode()))
    assert_malformed((template % (longest + "9")).encode(), field, "number")
    assert_malformed((template % (sign + "1" + "0" * 5000)).encode(), field, "number")


def test_read_object_takes_the_longest_integer_beside_an_escaped_emoji() -> None:
    body = {"a": int("9" * MAX_INTEGER_CHARS), "b": "😀"}
    assert read_object(json.dumps(body, ensure_ascii=True).encode()) == body


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"a": 1, "a": 1}', "a"),
        (b'{"a": 1, "a" \n : 2}', "a"),
        (b'{"a": 1, "\\u0061": 2}', "a"),
        (b'{"a": ":", "b": "::", "a": 1}', "a"),
        (b'{"events": [], "events": []}', "events"),
        (b'{"events": [{"label": "x"}, {"label": "x", "label": "Rosalind"}]}', "events[1].label"),
        (b'{"speakers": {"Rosalind": 1, "Rosalind": 2}}', "speakers.*"),
        (b'{"a": {"b": {}, "b": {}}}', "a.b"),
        (b'{"": 1, "": 2}', "*"),
    ],
)
def test_read_object_refuses_a_name_given_twice(data: bytes, field: str) -> None:
    assert_malformed(data, field, "duplicate")


@pytest.mark.parametrize(
    ("fragment", "code"),
    [
        ('"Rosalind\\u0000"', "nul"),
        ('"\\u0000"', "nul"),
        ('"\\ud800"', "surrogate"),
        ('"Rosalind \\uDFFF"', "surrogate"),
        ('"\\ude00\\ud83d"', "surrogate"),
        ('"\\ud83d\\ude00\\ud83d"', "surrogate"),
        ("NaN", "not_finite"),
        ("Infinity", "not_finite"),
        ("-Infinity", "not_finite"),
        ("1e400", "not_finite"),
        ("-1E+400", "not_finite"),
        ("9" * 400 + ".5", "not_finite"),
    ],
)
@pytest.mark.parametrize(
    ("template", "kind", "field"),
    [
        ('{"label": %s}', InvalidFields, "label"),
        ('{"a": [0, {"b": %s}]}', InvalidFields, "a[1].b"),
        ('{"Rosalind": {"window_ms": %s}}', InvalidFields, "*.window_ms"),
        ('{"a": {"%s": %%s}}' % ("x" * 41), InvalidFields, "a.*"),
        ('{"events": %s}', InvalidFields, "events"),
        ('{"events": {"label": %s}}', InvalidFields, "events.label"),
        ('{"sessions": [{"events": [%s]}]}', InvalidFields, "sessions[0].events[0]"),
        ('{"events": [{}, %s]}', InvalidEvent, "events[1]"),
        ('{"events": [{}, {}, {}, {"ok": 1, "label": %s}]}', InvalidEvent, "events[3].label"),
        ('{"events": [{"flags": ["a", {"Rosalind": %s}]}]}', InvalidEvent, "events[0].flags[1].*"),
    ],
)
def test_read_object_names_the_place_of_what_cannot_be_kept(
    template: str, kind: type[FieldsError], field: str, fragment: str, code: str
) -> None:
    error = refusal((template % fragment).encode())
    assert type(error) is kind
    assert [(problem.field, problem.code) for problem in error.problems] == [(field, code)]
    assert CANARY not in f"{error} {error.extra}"
    if isinstance(error, InvalidEvent):
        assert error.extra["index"] == int(field[len("events[")])


@pytest.mark.parametrize(("escape", "code"), [("\\u0000", "nul"), ("\\uD83D", "surrogate")])
@pytest.mark.parametrize(
    ("template", "kind", "field"),
    [
        ('{"Rosalind%s": 1}', InvalidFields, "body"),
        ('{"a": {"%s": 1}}', InvalidFields, "a"),
        ('{"events": [{"label%s": "x"}]}', InvalidEvent, "events[0]"),
        ('{"events": [{"x": {"Rosalind%s": 1}}]}', InvalidEvent, "events[0].x"),
    ],
)
def test_read_object_names_a_bad_name_by_its_parent(
    template: str, kind: type[FieldsError], field: str, escape: str, code: str
) -> None:
    error = refusal((template % escape).encode())
    assert type(error) is kind
    assert (error.problems[0].field, error.problems[0].code) == (field, code)
    assert CANARY not in f"{error} {error.extra}"


def test_read_object_reports_the_first_fault_in_document_order() -> None:
    assert refusal(b'{"a": {"b": [1, "\\u0000"]}, "c": NaN}').problems[0].field == "a.b[1]"


@pytest.mark.parametrize(
    "text",
    [
        "😀 and é",
        "\\u0000 spelled out",
        "\\ud800",
        "NaN",
        "-Infinity",
        "1e400",
        "9" * 5000,
        "\x7f\x85\u2028",
        "\ufffe",
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_read_object_keeps_text_that_only_looks_wrong(text: str, ascii_only: bool) -> None:
    body = {"a": [text], text: {"b": text}}
    assert read_object(json.dumps(body, ensure_ascii=ascii_only).encode()) == body


@pytest.mark.parametrize("number", ["1e308", "-1e308", "1e-400", "5e-324", "0.0000e999", "-0.0"])
def test_read_object_keeps_every_finite_number(number: str) -> None:
    assert repr(read_object(f'{{"a": {number}}}'.encode())) == repr({"a": float(number)})


@given(st.binary(max_size=60))
def test_read_object_of_any_bytes_raises_only_named_errors(data: bytes) -> None:
    only_named_errors(data)


@given(bodies, st.integers(0, 200), st.text(st.sampled_from('{}[]":,\\u0d8 1e9N'), max_size=6))
def test_read_object_of_damaged_json_raises_only_named_errors(body: dict[str, Any], at: int, noise: str) -> None:
    data = json.dumps(body).encode()
    only_named_errors(data[:at] + noise.encode() + data[at:])


@given(st.text(st.sampled_from('{}[]":,\\a1 '), max_size=40))
def test_read_object_refuses_whatever_the_standard_parser_refuses(text: str) -> None:
    data = f'{{"a":{text}'.encode()
    try:
        json.loads(data)
    except ValueError:
        assert refusal(data).problems[0].code in {"json", "depth"}
    else:
        only_named_errors(data)


def only_named_errors(data: bytes) -> None:
    try:
        body = read_object(data)
    except FieldsError as error:
        json.dumps(error.extra, allow_nan=False).encode("utf-8")
    else:
        json.dumps(body, allow_nan=False, ensure_ascii=False).encode("utf-8")


def read_by_the_standard_library(data: bytes) -> Any:
    return json.loads(data.decode(), parse_int=lambda digits: int(digits) if len(digits) <= 308 else float("inf"))


@given(
    bodies | st.dictionaries(names, st.floats() | st.integers(-(10**310), 10**310), max_size=3),
    st.booleans(),
    st.integers(0, 200),
    st.text(st.sampled_from('{}[]":,\\u0d8 1e9N'), max_size=6),
)
def test_parse_object_agrees_with_the_standard_parser(
    body: dict[str, Any], ascii_only: bool, at: int, noise: str
) -> None:
    whole = json.dumps(body, ensure_ascii=ascii_only)
    for text in (whole, whole[:at] + noise + whole[at:]):
        data = text.encode()
        try:
            wanted = read_by_the_standard_library(data)
        except ValueError:
            wanted = None
        try:
            got = parse_object(data)
        except MalformedBody:
            assert not isinstance(wanted, dict) or depth_of(wanted) > MAX_DEPTH
        else:
            # As text: NaN is not equal to itself, and 1 is equal to 1.0. (An integer that is too long stays one.)
            assert repr(bounded(got)) == repr(wanted)


def bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: bounded(member) for name, member in value.items()}
    if isinstance(value, list):
        return [bounded(member) for member in value]
    return value if not isinstance(value, int) or is_finite(value) else float("inf")


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("NaN", "nan"),
        ("Infinity", "inf"),
        ("-Infinity", "-inf"),
        ("1e400", "inf"),
        ("-1e400", "-inf"),
        ("9" * 5000, "inf"),
    ],
)
def test_parse_object_leaves_what_cannot_be_kept_to_its_reader(number: str, kept: str) -> None:
    body = parse_object(f'{{"a": {number}, "b": ["\\ud800", "\\u0000"], "c": 1, "c": 2}}'.encode())
    assert repr(body.pop("a")) == kept
    assert body == {"b": ["\ud800", "\0"], "c": 2}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":"\xff"}', "encoding"),
        (b'{"a":"\xff",' + b"[" * 40, "encoding"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "depth"),
        (b'{"a": "x', "json"),
        (b'{"a": 1} 2', "json"),
        (b'{"a": "tab\there"}', "json"),
        (b'\xef\xbb\xbf{"a": 1}', "json"),
        (b"[]", "not_an_object"),
        (b"NaN", "not_an_object"),
    ],
)
def test_parse_object_refuses_what_is_no_object(data: bytes, code: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse_object(data)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("body", code)]


def test_parse_object_says_where_json_cannot_be_read() -> None:
    with pytest.raises(MalformedBody, match="line 2, column 7"):
        parse_object(b'{"a": 1,\n "b": x}')


def test_parse_object_asks_the_standard_library_only_if_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(jsonbody, "_loads")
    assert parse_object('{"a": ["é", 1, -0.5e-3, null, true, "\\ud83d\\ude00"]}'.encode()) == {
        "a": ["é", 1, -0.0005, None, True, "😀"]
    }


@pytest.mark.parametrize(
    ("number", "finite"),
    [
        (0, True),
        (1e308, True),
        (10**308 - 1, True),
        (10**308, False),
        (1 - 10**307, True),
        (-(10**307), False),
        (float("inf"), False),
        (float("nan"), False),
    ],
)
def test_is_finite_holds_for_every_reader(number: float, finite: bool) -> None:
    assert is_finite(number) is finite


@pytest.mark.parametrize("name", ["a", "label", "flat_f0_score", "a" * 40])
def test_is_plain_name_accepts_field_names(name: str) -> None:
    assert is_plain_name(name)
    assert member_path("events[3]", name) == f"events[3].{name}"
    assert member_path("", name) == name


@pytest.mark.parametrize("name", ["", "A", "aB", "_a", "1a", "a" * 41, "a\n", "a b", "a.b", "é", "a\u0660", "a\0"])
def test_is_plain_name_refuses_other_text(name: str) -> None:
    assert not is_plain_name(name)
    assert member_path("events[3]", name) == "events[3].*"
    assert member_path("", name) == "*"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", None),
        ("plain", None),
        ("é😀\uffff", None),
        ("a\0", "nul"),
        ("é\0", "nul"),
        ("\ud800", "surrogate"),
        ("a\udfff", "surrogate"),
        ("\ud800\0", "surrogate"),
        ("\0\ud800", "nul"),
    ],
)
def test_text_fault_names_the_first_character_that_cannot_be_kept(text: str, code: str | None) -> None:
    assert text_fault(text) == code
