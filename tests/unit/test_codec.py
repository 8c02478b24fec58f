"""JSON ↔ messages: the proto3 JSON mapping with the contract's choices."""

from __future__ import annotations

import contextlib
import math
from datetime import datetime
from typing import Any

import orjson
import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec import Codec
from gateway.errors import InvalidFields
from tests.contract.gateway_stubs import compiled

words = compiled().words
codec = Codec(words.rest_name)


def decoded(value: Any) -> Any:
    message = words.Kinds()
    codec.decode(message, value if isinstance(value, bytes) else orjson.dumps(value))
    return message


def encoded(message: Any) -> Any:
    return orjson.loads(codec.encode(message))


def faults(value: Any) -> list[str]:
    with pytest.raises(InvalidFields) as fault:
        decoded(value)
    return [str(violation) for violation in fault.value.violations]


def test_every_field_is_present_and_the_unset_ones_are_null_or_empty() -> None:
    out = encoded(words.Kinds())
    assert list(out) == [field.name for field in words.Kinds.DESCRIPTOR.fields]
    assert [out[k] for k in ("maybe_int64", "maybe_string", "maybe_interval", "child", "at", "wrapped_string")] == [
        None
    ] * 6
    assert (out["strings"], out["labels"], out["a_string"], out["an_int64"], out["a_bool"]) == ([], {}, "", 0, False)
    assert (out["to_text"], out["to_number"], out["to_child"]) == (None, None, None)


def test_a_set_optional_is_its_value_even_when_it_is_the_default() -> None:
    out = encoded(words.Kinds(maybe_int64=0, maybe_string="", to_number=0))
    assert (out["maybe_int64"], out["maybe_string"], out["to_number"], out["to_text"]) == (0, "", 0, None)


@pytest.mark.parametrize("name", ["an_int64", "anInt64"])
def test_both_spellings_of_a_name_are_taken(name: str) -> None:
    assert decoded({name: 5}).an_int64 == 5


def test_both_spellings_at_once_are_refused() -> None:
    assert faults({"an_int64": 5, "anInt64": 5}) == ["an_int64: given twice, as an_int64 and as anInt64"]


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("an_int32", -(2**31), 2**31 - 1),
        ("a_sint32", -(2**31), 2**31 - 1),
        ("a_uint32", 0, 2**32 - 1),
        ("a_fixed32", 0, 2**32 - 1),
        ("an_int64", -(2**63), 2**63 - 1),
        ("a_sint64", -(2**63), 2**63 - 1),
        ("a_uint64", 0, 2**64 - 1),
        ("a_fixed64", 0, 2**64 - 1),
    ],
)
def test_integers_travel_as_numbers_within_their_range(field: str, low: int, high: int) -> None:
    for value in (low, high):
        assert encoded(decoded({field: value}))[field] == value
        assert encoded(decoded({field: str(value)}))[field] == value
    assert faults({field: str(low - 1)}) == [f'{field}: must be an integer from {low} to {high}; got "{low - 1}"']
    assert f"{field}: must be an integer from {low} to {high}" in faults({field: str(high + 1)})[0]
    assert field in faults(b'{"%s": 1%s}' % (field.encode(), b"0" * 30))[0]


@pytest.mark.parametrize("value", [1.5, True, "x", "01", "1.0", " 1", "", [], {}, "9" * 100_000])
def test_what_is_no_integer_is_refused_with_the_value(value: object) -> None:
    assert faults({"an_int32": value})[0].startswith("an_int32: must be an integer; got ")
    assert len(faults({"an_int32": value})[0]) < 200


def test_an_integral_float_is_an_integer() -> None:
    assert decoded({"an_int32": 3.0}).an_int32 == 3


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("a_string", 5, "must be a string; got 5"),
        ("a_bool", "true", 'must be true or false; got "true"'),
        ("a_bool", 1, "must be true or false; got 1"),
        ("a_double", True, "must be a number; got true"),
        ("a_double", "1e999", 'must be a number; got "1e999"'),
        ("a_float", 1e39, "must be a number in the range of 32 bits; got 1e+39"),
        ("some_bytes", "%%%", 'must be base64; got "%%%"'),
        ("strings", "x", 'must be an array; got "x"'),
        ("child", [], "must be an object; got []"),
        ("labels", [], "must be an object; got []"),
        ("at", "yesterday", 'must be an RFC 3339 timestamp such as 2026-01-01T00:00:00Z; got "yesterday"'),
        ("at", "2026-02-30T00:00:00Z", 'must be a timestamp that exists; got "2026-02-30T00:00:00Z"'),
        ("wait", "5", 'must be a duration in seconds such as "3.5s"; got "5"'),
        ("struct", [], "must be an object; got []"),
        ("list", {}, "must be an array; got {}"),
    ],
)
def test_a_wrong_type_is_refused_with_its_path_and_value(field: str, value: object, message: str) -> None:
    assert faults({field: value}) == [f"{field}: {message}"]


def test_unknown_fields_are_refused_with_their_path() -> None:
    value = {"nope": 1, "child": {"child": {"no": 1}}, "children": [{}, {"name": "a", "extra": 2}]}
    assert faults(value) == [
        "nope: unknown field",
        "child.child.no: unknown field",
        "children[1].extra: unknown field",
    ]


def test_every_violation_is_reported_at_once() -> None:
    value = {"an_int32": "x", "int64s": [1, "b", None], "labels": {"k": 5}, "by_number": {"x": {}}}
    assert faults(value) == [
        'an_int32: must be an integer; got "x"',
        'int64s[1]: must be an integer; got "b"',
        "int64s[2]: must be an integer; got null",
        'labels["k"]: must be a string; got 5',
        'by_number["x"]: must be an integer; got "x"',
    ]


def test_an_enum_is_its_rest_word() -> None:
    message = decoded({"debounce_interval": "10m", "s3_mode": "virtual-hosted", "colour": "green"})
    assert (message.debounce_interval, message.s3_mode, message.colour) == (2, 2, 1)
    out = encoded(message)
    assert (out["debounce_interval"], out["s3_mode"], out["colour"]) == ("10m", "virtual-hosted", "green")


@pytest.mark.parametrize("value", ["DEBOUNCE_INTERVAL_10M", 2, "10m"])
def test_an_enum_is_also_taken_by_full_name_and_by_number(value: object) -> None:
    assert decoded({"debounce_interval": value}).debounce_interval == 2


def test_an_enum_fault_names_the_field_the_value_and_all_words() -> None:
    assert faults({"debounce_interval": "7m"}) == ['debounce_interval: must be one of 5m, 10m, 1h, 1d; got "7m"']
    assert faults({"intervals": ["5m", 9]}) == ["intervals[1]: must be one of 5m, 10m, 1h, 1d; got 9"]


def test_an_unspecified_enum_is_null_and_a_zero_that_means_something_is_its_word() -> None:
    out = encoded(words.Kinds())
    assert (out["debounce_interval"], out["colour"]) == (None, "red")
    assert decoded({"debounce_interval": None}).debounce_interval == 0
    assert faults({"debounce_interval": "unspecified"})


def test_an_enum_value_of_a_newer_side_is_its_number() -> None:
    assert encoded(words.Kinds(debounce_interval=77))["debounce_interval"] == 77


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T01:30:00+01:30", "2026-01-01T00:00:00Z"),
        ("2025-12-31T22:00:00.5-02:00", "2026-01-01T00:00:00.500000Z"),
        ("2026-01-01t00:00:00.000001z", "2026-01-01T00:00:00.000001Z"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456789Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.250000Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_a_timestamp_is_utc_with_micros_only_when_there_are_any(text: str, out: str) -> None:
    assert encoded(decoded({"at": text}))["at"] == out


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+01:00", "2026-01-01", "2026-01-01T00:00:00", "20260101T000000Z"])
def test_a_timestamp_without_zone_or_out_of_range_is_refused(text: str) -> None:
    assert faults({"at": text})


def test_a_year_has_four_digits_and_an_offset_at_most_23_hours() -> None:
    first = "0001-01-01T00:00:00.000000001Z"
    assert encoded(decoded({"at": first}))["at"] == first
    assert faults({"at": "2026-01-02T00:00:00+24:00"})
    assert faults({"at": "2026-01-02T00:00:60Z"})


@pytest.mark.parametrize(
    ("text", "out"), [("3s", "3s"), ("3.5s", "3.500s"), ("-0.000001s", "-0.000001s"), ("1.000000001s", "1.000000001s")]
)
def test_a_duration_is_seconds(text: str, out: str) -> None:
    assert encoded(decoded({"wait": text}))["wait"] == out


def test_a_field_mask_is_taken_in_both_spellings_and_given_in_snake_case() -> None:
    message = decoded({"mask": "name,childName.firstPart,some_field"})
    assert list(message.mask.paths) == ["name", "child_name.first_part", "some_field"]
    assert encoded(message)["mask"] == "name,child_name.first_part,some_field"
    assert faults({"mask": "a..b"})


def test_a_struct_keeps_its_values_and_integral_numbers_are_integers() -> None:
    value = {"a": 1, "b": 1.5, "c": [None, True, {"d": "x"}], "e": {}, "f": None, "g": -(2**53)}
    message = decoded({"struct": value, "value": [1], "list": [value]})
    out = codec.encode(message)
    assert orjson.loads(out)["struct"] == value
    assert b'"a":1.0' not in out  # the order of the keys is the map's own
    assert orjson.loads(out)["list"] == [value]


def test_a_null_value_is_set_and_an_absent_one_is_not() -> None:
    assert decoded({"value": None}).HasField("value")
    assert not decoded({}).HasField("value")


def test_a_number_that_a_struct_would_change_is_refused() -> None:
    assert faults({"struct": {"a": [2**53 + 1]}}) == [
        "struct.a[0]: must be a number that a double holds exactly; got 9007199254740993"
    ]


def test_wrappers_are_bare_values() -> None:
    out = encoded(decoded({"wrapped_string": "", "wrapped_int64": "7", "wrapped_bool": False, "wrapped_bytes": "_-8"}))
    assert (out["wrapped_string"], out["wrapped_int64"], out["wrapped_bool"]) == ("", 7, False)
    assert out["wrapped_bytes"] == "/+8="


def test_maps_have_text_keys() -> None:
    value = {"labels": {"a": "b"}, "by_number": {"-5": {"name": "x"}}, "by_bool": {"true": 1, "false": 2}}
    message = decoded(value)
    assert message.by_number[-5].name == "x"
    out = encoded(message)
    assert (out["labels"], out["by_bool"]) == ({"a": "b"}, {"true": 1, "false": 2})
    assert out["by_number"]["-5"]["name"] == "x"


def test_two_members_of_a_oneof_are_refused_and_a_null_one_is_none() -> None:
    assert faults({"to_text": "a", "toNumber": 1}) == ["target: only one may be given; got toNumber, to_text"]
    assert decoded({"to_text": None, "to_number": 0}).WhichOneof("target") == "to_number"


def test_a_map_does_not_take_a_key_in_two_spellings() -> None:
    assert faults({"by_number": {"0": {"size": 1}, "-0": {}}}) == ['by_number["-0"]: given twice, in two spellings']
    assert faults({"by_number": {"01": {}}}) == ['by_number["01"]: must be an integer; got "01"']
    assert faults({"by_bool": {"True": 1}}) == ['by_bool["True"]: must be true or false; got "True"']
    assert faults({"labels": {"a": None}}) == ['labels["a"]: must be a string; got null']


def test_null_leaves_every_field_unset_but_a_value() -> None:
    names = [field.name for field in words.Kinds.DESCRIPTOR.fields if field.name != "value"]
    assert decoded(dict.fromkeys(names)) == words.Kinds()


@pytest.mark.parametrize("text", ["AAECAw==", "AAECAw"])
def test_bytes_are_base64_with_or_without_padding(text: str) -> None:
    assert encoded(decoded({"some_bytes": text}))["some_bytes"] == "AAECAw=="


@pytest.mark.parametrize("text", ["-_8=", "+/8=", "-_8", "+/8"])
def test_bytes_are_read_in_both_alphabets_and_written_in_the_first(text: str) -> None:
    assert encoded(decoded({"some_bytes": text}))["some_bytes"] == "+/8="


def test_numbers_that_json_does_not_have_are_words() -> None:
    message = decoded({"a_double": "NaN", "a_float": "-Infinity"})
    assert math.isnan(message.a_double)
    assert (encoded(message)["a_double"], encoded(message)["a_float"]) == ("NaN", "-Infinity")


def test_a_float_shows_no_digits_it_never_had() -> None:
    assert encoded(words.Kinds(a_float=0.1))["a_float"] == 0.1


def test_the_largest_float_is_taken_as_others_round_it() -> None:
    for value in (3.4028235e38, "3.4028235e+38", 3.4028234663852886e38):
        assert encoded(decoded({"a_float": value}))["a_float"] == 3.4028234663852886e38
    assert faults({"a_float": 3.4028236e38})


def test_a_negative_zero_keeps_its_sign() -> None:
    assert codec.encode(decoded({"a_double": -0.0})).startswith(b'{"a_double":-0.0,')


def test_any_of_a_type_with_a_form_of_its_own_has_nothing_beside_its_value() -> None:
    url = "type.googleapis.com/google.protobuf.Duration"
    assert faults({"any": {"@type": url, "value": "1s", "more": 1}}) == ["any.more: unknown field"]
    assert faults({"any": {"@type": url}})[0].startswith("any: must be a duration")
    assert faults({"any": {"value": "1s"}}) == ['any: must be an object with @type; got {"value":"1s"}']


@pytest.mark.parametrize("url", ["", "/", "x/", "x/\0", "x/é", "x/" + "y" * 100_000, "x/google.protobuf.Nope"])
def test_any_of_a_type_that_is_none_is_refused_in_short(url: str) -> None:
    (fault,) = faults({"any": {"@type": url}})
    assert fault.startswith("any.@type: unknown type")
    assert len(fault) < 200


def test_any_carries_its_type() -> None:
    name = "type.googleapis.com/gateway_test.v1.Child"
    message = decoded({"any": {"@type": name, "name": "x", "size": 3}})
    assert encoded(message)["any"] == {"@type": name, "name": "x", "child": None, "children": [], "size": 3}
    stamped = {"@type": "type.googleapis.com/google.protobuf.Timestamp", "value": "2026-01-01T00:00:00Z"}
    assert encoded(decoded({"any": stamped}))["any"] == stamped
    assert faults({"any": {"@type": "x/no.Such"}}) == ["any.@type: unknown type 'x/no.Such'"]


@pytest.mark.parametrize(("field", "opening"), [("child", "child"), ("struct", "a")])
def test_nesting_beyond_the_limit_is_refused(field: str, opening: str) -> None:
    inner: dict[str, Any] = {}
    for _ in range(100):
        inner = {opening: inner}
    assert faults({field: inner})[0].endswith("nested deeper than 64 levels")


def test_nulls_in_lists_and_objects_that_are_none_are_refused() -> None:
    assert faults({"strings": [None]}) == ["strings[0]: must be a string; got null"]
    assert faults({"children": [None]}) == ["children[0]: must be an object; got null"]
    assert faults([]) == ["must be an object; got []"]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "a_double": st.floats(allow_nan=False, allow_infinity=False),
            "an_int64": st.integers(-(2**63), 2**63 - 1),
            "a_uint64": st.integers(0, 2**64 - 1),
            "a_bool": st.booleans(),
            "a_string": st.text(st.characters(codec="utf-8"), max_size=20),
            "some_bytes": st.binary(max_size=20),
            "strings": st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=3),
            "labels": st.dictionaries(st.text("abc", max_size=3), st.text("xyz", max_size=3), max_size=3),
            "maybe_int64": st.integers(-5, 5),
            "debounce_interval": st.integers(0, 4),
        },
    ),
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001 - hypothesis wants naive
)
def test_what_is_written_is_read_back_and_is_what_json_format_reads(fields: dict[str, Any], at: datetime) -> None:
    # An absent google.protobuf.Value is null, and null is a Value that is there: it cannot be told apart, so give one.
    message = words.Kinds(**fields, value=struct_pb2.Value(bool_value=True))
    message.at.FromDatetime(at)
    text = codec.encode(message)
    assert decoded(text) == message
    # The canonical reader knows neither our enum words nor null list entries; all the rest it must read alike.
    plain = {
        key: value for key, value in orjson.loads(text).items() if key != "debounce_interval" and value is not None
    }
    canonical = json_format.ParseDict({k: v for k, v in plain.items() if k not in ("s3_mode", "colour")}, words.Kinds())
    canonical.debounce_interval = message.debounce_interval
    assert canonical == message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([f.name for f in words.Kinds.DESCRIPTOR.fields]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_json_is_taken_or_refused_and_never_breaks(value: Any) -> None:
    message = words.Kinds()
    with contextlib.suppress(InvalidFields):
        codec.shape(message.DESCRIPTOR).fill(message, value, 1)
    codec.encode(message)
