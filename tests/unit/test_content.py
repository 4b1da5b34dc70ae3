"""The form of sealed content: a head and one line an event, back as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.content import Content, encode_events

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)


@given(objects, st.lists(objects, max_size=5))
def test_content_comes_back_as_it_was(head: dict[str, object], events: list[dict[str, object]]) -> None:
    lines = encode_events(events)
    back = Content.unpack(Content(head, lines).pack())
    assert back == Content(head, lines)
    assert [json.loads(line) for line in back.lines] == events


@given(st.lists(objects, min_size=1, max_size=5))
def test_an_event_is_always_one_line(events: list[dict[str, object]]) -> None:
    lines = encode_events(events)
    assert len(lines) == len(events)
    assert not any(b"\n" in line for line in lines)


def test_line_breaks_in_text_stay_text() -> None:
    event = {"label": "one\ntwo\r\nthree\u2028four"}
    assert list(Content({}, encode_events([event])).numbered(1)) == [{"seq": 1, **event}]


def test_text_is_stored_as_utf8_without_spaces() -> None:
    assert encode_events([{"label": "Überrascht", "n": [1, 2]}]) == ['{"label":"Überrascht","n":[1,2]}'.encode()]


def test_events_are_numbered_from_the_first() -> None:
    content = Content({}, encode_events([{"label": "a"}, {"label": "b"}]))
    assert [event["seq"] for event in content.numbered(41)] == [41, 42]


def test_events_backwards_are_the_same_events() -> None:
    content = Content({}, encode_events([{"label": "a"}, {"label": "b"}, {"label": "c"}]))
    assert list(content.numbered_backwards(41)) == list(content.numbered(41))[::-1]


def test_number_comes_first_and_the_fields_keep_their_order() -> None:
    (event,) = Content({}, encode_events([{"z": 1, "a": 2}])).numbered(1)
    assert list(event) == ["seq", "z", "a"]


def test_head_alone_is_content_without_events() -> None:
    assert Content.unpack(Content({"a": 1}, []).pack()) == Content({"a": 1}, [])


@pytest.mark.parametrize("body", [b"[]", b"null", b'"head"', b"1", b"", b"\n{}", b"{", b"\xff"])
def test_what_has_no_head_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (JSON and Unicode errors are both ValueErrors)
        Content.unpack(body)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("event", [{}, {"a": None}, {"a": "null"}, {"a": [None, {"b": None}]}])
def test_numbers_that_json_does_not_have_are_refused(number: float, event: dict[str, object]) -> None:
    for place in (number, [number], {"b": [number]}):
        with pytest.raises(ValueError, match="Out of range"):
            encode_events([event, {**event, "confidence": place}])


def test_null_is_kept_wherever_it_is() -> None:
    events: list[dict[str, object]] = [{"a": None}, {"a": "null", "null": None}, {"a": [None, {"b": None}]}]
    assert [json.loads(line) for line in encode_events(events)] == events


def test_no_events_are_no_lines() -> None:
    assert encode_events([]) == []
