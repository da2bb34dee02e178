"""What a request for calls takes and refuses, when a DAG is parsed and when it runs, and the name of its file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.calls.request import CallRequest, call_request, check_call_arguments
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.frame import time_frame
from airflow_provider_yeastar.pbx.report.masking import HiddenValue

TEMPLATE = "{{ params.x }}"


class Output:
    """Stands for another task's output."""

    def __repr__(self) -> str:
        return "Output()"


def stem(**changes: Any) -> str:
    source = changes.pop("source", None)
    frame = {} if "start_time" in changes else {"period": "2026-11-22"}
    return call_request(**frame | changes).file_stem("calls", source)


class TestRequest:
    @pytest.mark.parametrize("version", [None, "auto", "v1.0", "v2.0"])
    def test_it_is_what_was_asked_for(self, version: str | None) -> None:
        as_of = datetime(2026, 11, 22, tzinfo=UTC)
        filters = {"call_from": "1001", "queue_list": ["Support", 2]}

        asked = call_request(period="yesterday", filters=filters, api_version=version, as_of=as_of)

        assert asked == CallRequest(time_frame("yesterday", None, None, as_of), filters, version)

    def test_a_masked_pin_is_read(self) -> None:
        assert call_request(period="2026", filters={"pin_code": HiddenValue("4711")}).filters == {"pin_code": "4711"}

    def test_a_name_tells_pins_apart_and_has_a_key(self) -> None:
        one, other = (call_request(period="2026", filters={"pin_code": pin}) for pin in ("4711", "4712"))

        names = {request.file_stem("calls", key=key) for request in (one, other) for key in ("a key", "another")}
        assert len(names) == 4
        with pytest.raises(ValueError, match="without a key"):
            one.file_stem("calls")

    def test_the_filters_are_its_own(self) -> None:
        filters = {"call_from": "1001"}
        asked = call_request(period="2026", filters=filters)
        filters["call_from"] = "1002"

        assert asked.filters == {"call_from": "1001"}

    @pytest.mark.parametrize("filters", [None, {}])
    def test_without_filters_it_is_for_all(self, filters: Any) -> None:
        assert call_request(period="2026", filters=filters).filters == {}

    @pytest.mark.parametrize("value", [None, "", " ", "None", "1001,None", " , ", ["1,None"], [], {}, ()], ids=repr)
    def test_a_filter_of_no_value_is_refused(self, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="The filter call_from is"):
            call_request(period="2026", filters={"status": "ANSWERED", "call_from": value})

    @pytest.mark.parametrize(
        "value", ["[1001, None]", "['1001']", "{'a': None}", ["{1001}"], " (1001, 1002) "], ids=repr
    )
    def test_a_list_that_a_template_rendered_to_text_is_refused(self, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="to which a template rendered a list"):
            call_request(period="2026", filters={"call_from": value})

    @pytest.mark.parametrize("value", [0, False, "0"], ids=repr)
    def test_a_filter_of_zero_has_a_value(self, value: Any) -> None:
        assert call_request(period="2026", filters={"enable_fuzzy_search": value}).filters == {
            "enable_fuzzy_search": value
        }

    @pytest.mark.parametrize("filters", ["", "call_from=1001", ["call_from"], 7], ids=repr)
    def test_filters_that_are_no_mapping_are_refused(self, filters: Any) -> None:
        with pytest.raises(InvalidRequestError, match="not a mapping such as"):
            call_request(period="2026", filters=filters)

    @pytest.mark.parametrize("version", ["", "v3.0", "2.0", "V2.0", 2, TEMPLATE, ["v2.0"]], ids=repr)
    def test_an_unknown_version_is_refused(self, version: Any) -> None:
        with pytest.raises(InvalidRequestError, match=r"not one of auto, v1\.0, v2\.0"):
            call_request(period="2026", api_version=version)

    @pytest.mark.parametrize(
        ("frame", "sentence"),
        [
            ({}, "Give either `period`"),
            ({"period": ""}, "no day"),
            ({"period": "yesterdy"}, "Is 'yesterday' meant"),
            ({"start_time": "2026-11-22T00:00:00"}, "one of them is missing"),
            ({"start_time": "2026-11-22", "end_time": "2026-11-23"}, "`start_time` is"),
        ],
    )
    def test_a_wrong_frame_is_refused(self, frame: dict[str, Any], sentence: str) -> None:
        with pytest.raises(InvalidRequestError, match=sentence):
            call_request(**frame)


def check(**changes: Any) -> None:
    check_call_arguments(**{"period": "2026-11-22", "start_time": None, "end_time": None} | changes)


class TestWhenADagIsParsed:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"period": TEMPLATE},
            {"period": Output()},
            {"period": None, "start_time": TEMPLATE, "end_time": TEMPLATE},
            {"period": None, "start_time": "2026-11-22T00:00:00", "end_time": TEMPLATE},
            {"filters": TEMPLATE},
            {"filters": Output()},
            {"filters": {"call_from": TEMPLATE, "queue_list": [TEMPLATE, 2]}, "api_version": "v2.0"},
            {"filters": {"did": Output()}, "api_version": "v1.0"},
            {"filters": {"call_from": "1001"}, "api_version": TEMPLATE},
            {"filters": {"did": "1"}},
            {"filters": {"uid": "1"}, "api_version": "auto"},
        ],
        ids=repr,
    )
    def test_what_is_not_known_yet_passes(self, changes: dict[str, Any]) -> None:
        check(**changes)

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"period": None}, "Give either `period`"),
            ({"period": ""}, "no day"),
            ({"period": "2026-02-29"}, "no day"),
            ({"start_time": "2026-11-22T00:00:00"}, "Give either `period`"),
            ({"period": None, "end_time": "2026-11-22T00:00:00"}, "one of them is missing"),
            ({"api_version": "v3.0"}, "not one of auto"),
            ({"filters": 7}, "not a mapping"),
            ({"filters": {"call_from": None}}, "The filter call_from is None"),
            ({"filters": {"call_to": TEMPLATE, "call_from": ""}}, "The filter call_from is ''"),
            ({"filters": {"call_from": ""}, "period": TEMPLATE}, "The filter call_from is ''"),
            ({"filters": {"call_form": "1"}, "api_version": "v2.0"}, "nearest are call_from"),
            ({"filters": {"did": "1"}, "api_version": "v2.0"}, "belongs to the CDR interface v1.0"),
            ({"filters": {"uid": "1"}, "api_version": "v1.0"}, "belongs to the CDR interface v2.0"),
            ({"filters": {"call_to": TEMPLATE, "page": 2}, "api_version": "v1.0"}, "sets itself"),
            ({"period": TEMPLATE, "start_time": "2026-11-22T00:00:00"}, "Give either `period`"),
            ({"period": None, "start_time": TEMPLATE}, "one of them is missing"),
            ({"period": None, "end_time": Output()}, "one of them is missing"),
            ({"period": None, "start_time": "yesterday", "end_time": TEMPLATE}, "`start_time` is"),
            ({"period": None, "start_time": TEMPLATE, "end_time": "2026-11-22"}, "`end_time` is"),
            ({"period": None, **dict.fromkeys(("start_time", "end_time"), "2026-11-22T00:00:00")}, "is empty"),
            ({"filters": {"call_from": 1.5}}, "neither a text nor a whole number"),
            ({"filters": {"call_from": {"a": 1, 2: 3}}}, "neither a text nor a whole number"),
            ({"filters": {"call_from": ["1001", None]}}, "neither a text nor a whole number"),
            ({"filters": {"call_from": "1001", 7: "x"}}, "The filter 7 is no parameter's name"),
            ({"filters": {None: TEMPLATE}}, "The filter None is no parameter's name"),
            ({"filters": {"call_from": 1.5}, "api_version": "v1.0"}, "neither a text nor a whole number"),
        ],
        ids=repr,
    )
    def test_what_is_wrong_already_is_refused(self, changes: dict[str, Any], sentence: str) -> None:
        with pytest.raises(InvalidRequestError, match=sentence):
            check(**changes)


BERLIN_DAY = {"start_time": "2026-11-22T00:00:00+01:00", "end_time": "2026-11-23T00:00:00+01:00"}
UTC_DAY = {"start_time": "2026-11-22T00:00:00Z", "end_time": "2026-11-23T00:00:00Z"}
NAIVE_DAY = {"start_time": "2026-11-22T00:00:00", "end_time": "2026-11-23T00:00:00"}


class TestFileStem:
    def test_it_tells_what_the_file_holds_and_of_when(self) -> None:
        assert re.fullmatch(r"calls_2026-11-22_[0-9a-f]{8}", stem())
        assert re.fullmatch(r"calls_2026-11-22T000000--2026-11-23T000000_[0-9a-f]{8}", stem(**UTC_DAY))
        assert call_request(period="2026-11-22").file_stem("recordings") == stem().replace("calls", "recordings")

    def test_it_stays_from_one_release_to_the_next(self) -> None:
        assert stem() == stem(filters={}) == stem(source="") == "calls_2026-11-22_44136fa3"
        assert stem(**NAIVE_DAY) == "calls_2026-11-22T000000--2026-11-23T000000_44136fa3"

    def test_requests_that_differ_have_files_of_their_own(self) -> None:
        different = [
            {},
            {"period": "2026-11"},
            {"period": "2026"},
            {"source": "pbx_berlin"},
            {"api_version": "v1.0"},
            {"api_version": "v2.0"},
            {"filters": {"call_from": "1001"}},
            {"filters": {"call_to": "1001"}},
            {"filters": {"call_from": "1002"}},
            {"filters": {"queue_list": ["1", "2"]}},
            {"filters": {"queue_list": ["12"]}},
            NAIVE_DAY,
            UTC_DAY,
            BERLIN_DAY,
            UTC_DAY | {"end_time": "2026-11-23T00:00:00"},
            NAIVE_DAY | {"end_time": "2026-11-23T00:00:01"},
        ]

        assert len({stem(**changes) for changes in different}) == len(different)

    def test_a_moment_is_the_same_as_text_and_as_datetime(self) -> None:
        days = {"start_time": datetime(2026, 11, 22, tzinfo=UTC), "end_time": datetime(2026, 11, 23, tzinfo=UTC)}

        assert stem(**days) == stem(**UTC_DAY)

    @given(st.dictionaries(st.sampled_from(["call_from", "call_to", "did", "status"]), st.integers()), st.data())
    def test_the_order_of_filters_does_not_count(self, filters: dict[str, int], data: st.DataObject) -> None:
        shuffled = dict(data.draw(st.permutations(list(filters.items()))))

        assert stem(filters=filters) == stem(filters=shuffled)

    @pytest.mark.parametrize("kind", ["set", "frozenset"])
    def test_a_set_names_the_same_file_in_every_process(self, kind: str) -> None:
        code = (
            "from airflow_provider_yeastar.pbx.calls.request import call_request\n"
            f"filters = {{'queue_list': {kind}(['Sales', 'Support', 'Returns', 7])}}\n"
            "print(call_request(period='2026-11-22', filters=filters).file_stem('calls'))"
        )
        stems = {
            subprocess.run(
                [sys.executable, "-c", code],
                env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for seed in ("1", "2")
        }

        assert stems == {stem(filters={"queue_list": ["Returns", "Sales", "Support", 7]})}
