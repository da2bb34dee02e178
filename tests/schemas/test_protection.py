"""What ``protect`` hides, and what it refuses."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.exceptions import SchemaError
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, InvalidSettingsError
from airflow_provider_yeastar.schemas.arrow import arrow_batches, arrow_columns
from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.protection import PROTECTIONS, Protection, check_protect, protection
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows

SECRET = "sixteen letters!"
NUMBER = "0301234987"


def test_hmac_is_that_of_the_text_keyed_by_the_secret() -> None:
    hide = protection({"caller": "hmac"}, SECRET).of("caller")
    assert hide is not None
    assert hide("030") == hmac.new(SECRET.encode(), b"030", hashlib.sha256).hexdigest()


@pytest.mark.parametrize(("text", "masked"), [("3055501001", "*******001"), ("1001", "*001"), ("100", "***"), ("", "")])
def test_a_mask_leaves_three_characters_of_more(text: str, masked: str) -> None:
    hide = Protection({"caller": "mask"}).of("caller")
    assert hide is not None
    assert hide(text) == masked


@pytest.mark.parametrize(
    ("key", "dropped"),
    [("call_from", True), ("call_from_number", True), ("call_from_name", False), ("call_fromage", False), ("x", False)],
)
def test_a_column_covers_those_made_of_it_unless_they_are_named(key: str, dropped: bool) -> None:
    assert Protection({"call_from": "drop", "call_from_name": "mask"}).drops(key) is dropped


@pytest.mark.parametrize(
    ("key", "dropped"),
    [
        ("detail_call_from", True),
        ("detail_call_from_number", True),
        ("detail_detail_call_from", True),
        ("call_from_number", True),
        ("first_call_from_name", True),
        ("detail_callfrom", True),
        ("detailCallfromNumber", True),
        ("callfrom_number", True),
        ("cal\u200bl_from", True),
        ("recall_from", False),
        ("detail_recallfrom", False),
        ("agent_call_from", False),
        ("call_to", False),
    ],
)
def test_a_column_covers_undeclared_ones_that_have_its_name_in_theirs(key: str, dropped: bool) -> None:
    hidden = Protection({"call_from": "drop"}, declared=["call_from", "call_to", "agent_call_from"])

    assert hidden.drops(key) is dropped


def test_keys_within_a_value_are_covered_at_any_depth() -> None:
    hidden = Protection({"call_from": "drop", "call_to": "mask"})
    value = {"legs": [{"call_from": "030", "call_to": 3055501001, "n": 1}, None, [{"call_to": None}]], "x_call_from": 1}

    assert hidden.within(value) == {"legs": [{"call_to": "*******001", "n": 1}, None, [{"call_to": None}]]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"call": {"from": NUMBER}}, {"call": {"from": "*******987"}}),
        ({"call": [{"from": NUMBER, "to": 1}]}, {"call": [{"from": "*******987", "to": 1}]}),
        ({"legs": [{"call": {"from": {"number": NUMBER}}}]}, {"legs": [{"call": {"from": {"number": "*******987"}}}]}),
        ({"Call": [[{"From": NUMBER}]]}, {"Call": [[{"From": "*******987"}]]}),
        ({"call": f'{{"from": "{NUMBER}"}}'}, {"call": '{"from": "*******987"}'}),
        ({"call": {"to": 1}}, {"call": {}}),
        ({"call": {"agent_call_from": "6400"}}, {"call": {"agent_call_from": "6400"}}),
        ({"recall": {"from": "x"}}, {"recall": {"from": "x"}}),
    ],
    ids=["object", "list", "deeper", "spelled otherwise", "text", "dropped", "declared", "another path"],
)
def test_a_key_is_named_after_those_above_it_as_a_column_is(value: Any, shown: Any) -> None:
    ways = {"call_from": "mask"} if "call" not in value or value["call"] != {"to": 1} else {"call_to": "drop"}
    assert Protection(ways, declared=["call_from", "agent_call_from"]).within(value) == shown


@pytest.mark.parametrize("value", [{"from": NUMBER}, [{"from": NUMBER}], f'{{"from": "{NUMBER}"}}'])
def test_the_column_is_the_first_of_these_keys(value: Any) -> None:
    rows = SchemaRows([{"call": value}], Schema("report", ()), protection=Protection({"call_from": "mask"}))

    assert NUMBER not in json.dumps(list(rows))


def test_a_key_under_a_protected_one_is_hidden_if_it_may_be_a_number_or_a_name() -> None:
    value = {"call_from": {NUMBER: 5, "Bob Lee": {"number": "0305678"}, "number": "0301", "Bob Kee": 7, "": 1}}

    assert Protection({"call_from": "mask"}).within(value) == {
        "call_from": {"*******987": "*", "****Lee": {"number": "****678"}, "number": "*301", "****Kee": "*", "": "*"}
    }
    assert Protection({"call_from": "mask"}).within({"call_from": {"030 1": 5, "040 1": 6}}) == {
        "call_from": {"**0 1": ["*", "*"]}
    }
    assert Protection({"call_from": "drop"}).within(value) == {}


@pytest.mark.parametrize("secret", [None, "", "fifteen letters"], ids=["missing", "blank", "short"])
def test_hmac_needs_a_secret_of_sixteen_characters(secret: str | None) -> None:
    with pytest.raises(InvalidSettingsError, match=r"protect_secret.*16 characters"):
        protection({"caller": "hmac"}, secret)
    assert protection({"caller": "mask"}, secret)


@pytest.mark.parametrize(
    ("protect", "words"),
    [({"caller": "hash"}, "'hash'"), ({"callr": "mask"}, "callr.*caller, callee"), (["caller"], "no mapping")],
    ids=["way", "column", "list"],
)
def test_what_protects_nothing_is_refused(protect: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        check_protect(protect, ["caller", "callee"])


def test_a_number_is_not_hidden_in_one_column_and_shown_in_another() -> None:
    known = ["call_from", "call_from_number", "agent_number"]
    with pytest.raises(InvalidRequestError, match="Name call_from: it covers call_from_number"):
        check_protect({"call_from_number": "hmac"}, known)
    check_protect({"call_from_number": "drop", "call_from": "hmac", "agent_number": "mask"}, known)


def test_a_secret_is_never_shown() -> None:
    assert SECRET not in repr(protection({"caller": "hmac"}, SECRET))


SPELLINGS = ("call_from", "Call From", "callFrom", "CallFrom", "call-from", "CALL_FROM", "callfrom", "callFromNumber")


@pytest.mark.parametrize("key", SPELLINGS)
def test_a_key_is_covered_in_any_spelling(key: str) -> None:
    assert Protection({"call_from": "drop"}, declared=["call_from"]).drops(key)


def test_each_entry_under_a_protected_key_is_hidden_by_itself() -> None:
    hidden = Protection({"call_from": "mask", "call_from_name": "drop"})

    value = {"call_from": ["0301234", None, {"number": "0305678", "name": "Bob"}]}
    assert hidden.within(value) == {"call_from": ["****234", None, {"number": "****678"}]}


@pytest.mark.parametrize("value", [" 1001", "1001 ", 1001, 1001.0])
def test_equal_numbers_join_wherever_they_stand(value: object) -> None:
    schema = Schema("report", (Column("call_from", ""),))
    row = {"call_from": value, "legs": [{"call_from": value}]}
    found = next(iter(SchemaRows([row], schema, protection=protection({"call_from": "hmac"}, SECRET))))

    expected = hmac.new(SECRET.encode(), b"1001", hashlib.sha256).hexdigest()
    assert found == {"call_from": expected, "legs": f'[{{"call_from": "{expected}"}}]'}


@pytest.mark.parametrize("blank", [None, "", " ", "-"])
def test_no_value_stays_none_under_a_protected_key(blank: object) -> None:
    assert Protection({"call_from": "mask"}).within({"call_from": blank}) == {"call_from": None}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"call_from":"0301234"}', '{"call_from": "****234"}'),
        (' [{"call_from":"0301234"}]', '[{"call_from": "****234"}]'),
        ('{"x":{"call_from":"0301234"},"x":1}', '{"x": [{"call_from": "****234"}, 1]}'),
        ('{"n":1.50}', '{"n":1.50}'),
        ("{no JSON}", "{no JSON}"),
        ("call_from", "call_from"),
    ],
    ids=["object", "list", "a key twice", "nothing to hide", "no JSON", "plain"],
)
def test_a_text_of_json_is_searched_and_else_stays_as_it_is(text: str, shown: str) -> None:
    assert Protection({"call_from": "mask"}).within(text) == shown


@pytest.mark.parametrize(
    "text",
    [f'{"[" * 100_000}{{"call_from": 1}}{"]" * 100_000}', f'[{{"call_from": 1}}{", 2" * 400_000}]'],
    ids=["too-deep", "too-long"],
)
def test_a_text_that_cannot_be_searched_is_left_out(text: str) -> None:
    assert Protection({"call_from": "mask"}).within({"x": text}) == {"x": None}


def test_an_error_about_a_column_shows_no_value_where_some_are_hidden() -> None:
    schema = Schema("report", (Column("size", "", "integer"), Column("call_from", "")))
    rows = SchemaRows([{"size": '{"call_from": "0301234"}'}], schema, protection=Protection({"call_from": "mask"}))

    with pytest.raises(SchemaError, match="is integer, and holds another value, a str") as raised:
        list(rows)

    assert "0301234" not in str(raised.value)


def test_plain_columns_are_not_searched_value_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[object] = []
    monkeypatch.setattr(Protection, "within", lambda _, value: searched.append(value) or value)
    rows = [{"note": "[a]", "size": 1, "other": "b"}, {"note": "c", "size": 2, "other": None}]
    schema = Schema("report", (Column("note", ""), Column("size", "", "integer")))

    assert list(SchemaRows(rows, schema, protection=Protection({"call_from": "mask"}))) == rows
    assert searched == []


def test_texts_of_declared_columns_are_not_read_as_json() -> None:
    schema = Schema("report", (Column("note", ""),))
    row = {"note": '{"call_from":"1"}'}

    assert next(iter(SchemaRows([row, {"note": []}], schema, protection=Protection({"call_from": "mask"})))) == row


_POSITIONS = st.recursive(
    st.sampled_from(SPELLINGS).map(lambda key: {key: NUMBER}) | st.just({"call": [{"from": NUMBER}]}),
    lambda inner: st.one_of(
        inner.map(lambda value: [value]),
        st.tuples(st.sampled_from(["x", "legs", *SPELLINGS]), inner).map(lambda pair: dict([pair])),
        st.sampled_from(SPELLINGS).map(lambda key: {key: {NUMBER: 1}}),
        inner.map(json.dumps).map(lambda text: {"x": text}),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("way", PROTECTIONS)
@given(
    value=_POSITIONS, column=st.sampled_from(["note", "more", "call_from"]), is_text=st.booleans(), others=st.booleans()
)
def test_a_number_under_a_protected_key_is_nowhere(
    way: str, value: Any, column: str, is_text: bool, others: bool
) -> None:
    planted = json.dumps(value) if is_text and column != "note" else value
    schema = Schema("report", (Column("note", ""), Column("call_from", "")))
    rows = SchemaRows(
        [{column: planted}, *([{column: "plain"}] if others else [])],
        schema,
        protection=protection({"call_from": way}, SECRET),
    )
    whole = list(rows)

    assert NUMBER not in json.dumps([whole, rows.sparse()])
    assert [
        {key: row[key] for key in sparse} for row, sparse in zip(whole, rows.sparse(), strict=True)
    ] == rows.sparse()
    arrow = arrow_batches(rows.columns, rows.batches(arrow_columns))
    assert [row for batch in arrow for row in batch.to_pylist()] == whole
