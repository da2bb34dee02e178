"""Which rows count as one, and the set that tells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.calls.keys import KeySet, digest_of

CALL = {"uid": "20261122080000-1", "call_from": "1001", "call_to": "1002"}
# Few different ones that meet in the same slots, and any others.
digests = st.one_of(
    st.integers(1, 3).map(lambda number: number << 32),
    st.integers(1, 50),
    st.integers(1, 2**64 - 1),
)


class TestDigest:
    def test_rows_of_one_key_are_one_though_the_rest_conflicts(self) -> None:
        assert digest_of(CALL, "uid") == digest_of(CALL | {"call_to": "1003", "note": "x"}, "uid")

    def test_rows_of_two_keys_are_two_though_the_rest_is_the_same(self) -> None:
        assert digest_of(CALL, "uid") != digest_of(CALL | {"uid": "20261122080000-2"}, "uid")

    @pytest.mark.parametrize("none", [{}, {"uid": None}, {"uid": ""}], ids=repr)
    def test_a_row_without_key_stands_for_all_of_itself(self, none: dict[str, Any]) -> None:
        row = {"call_from": "1001", "call_to": "1002", **none}

        assert digest_of(row, "uid") == digest_of(dict(reversed(row.items())), "uid")
        assert digest_of(row, "uid") != digest_of(row | {"call_to": "1003"}, "uid")
        assert digest_of(row, "uid") != digest_of(row | {"uid": "1"}, "uid")

    def test_zero_is_a_key(self) -> None:
        assert digest_of({"new_id": 0, "leg": 1}, "new_id") == digest_of({"new_id": 0, "leg": 2}, "new_id")

    def test_a_key_is_the_same_as_number_and_as_text(self) -> None:
        assert digest_of({"new_id": 17}, "new_id") == digest_of({"new_id": "17"}, "new_id")

    def test_the_key_is_that_of_the_version(self) -> None:
        row = {"new_id": "7", "uid": "7"}

        assert digest_of(row, "new_id") != digest_of(row, "uid")

    @pytest.mark.parametrize("row", [{"uid": "\ud800"}, {"name": "\ud800"}, {"uid": "Zo\u00eb \u260e"}], ids=ascii)
    def test_any_text_has_one(self, row: dict[str, Any]) -> None:
        assert 0 < digest_of(row, "uid") < 2**64

    def test_it_is_the_same_in_every_process(self) -> None:
        assert digest_of({"uid": "1"}, "uid") == 0xA119D3F934D59C33


class TestKeySet:
    def test_a_digest_is_new_once(self) -> None:
        keys = KeySet()

        assert [keys.add(5), keys.add(5), keys.add(6)] == [True, False, True]
        assert len(keys) == 2

    @given(st.lists(digests))
    def test_it_answers_as_a_set_does(self, added: list[int]) -> None:
        keys, known = KeySet(), set()

        for digest in added:
            assert (digest in keys) == (digest in known)
            assert keys.add(digest) == (digest not in known)
            assert digest in keys
            known.add(digest)
            assert len(keys) == len(known)

    @given(st.lists(st.lists(digests, max_size=2000)))
    def test_many_at_once_are_added_as_one_by_one(self, pages: list[list[int]]) -> None:
        keys, alone = KeySet(), KeySet()

        for page in pages:
            assert keys.add_all(page) == [alone.add(digest) for digest in page]
        assert len(keys) == len(alone)

    @pytest.mark.parametrize("step", [1, 1 << 10, 1 << 40], ids=["apart", "same-slot-at-first", "same-slot"])
    def test_it_keeps_all_when_it_grows(self, step: int) -> None:
        keys = KeySet()
        added = range(step, step * 1501, step)

        assert all(keys.add(digest) for digest in added)
        assert not any(keys.add(digest) for digest in added)
        assert len(keys) == 1500

    def test_rows_that_differ_are_all_kept(self) -> None:
        keys = KeySet()
        rows = [{"uid": f"{number}", "call_from": "1001"} for number in range(5000)]

        assert sum(keys.add(digest_of(row, "uid")) for row in [*rows, *rows]) == 5000

    def test_two_sets_share_nothing(self) -> None:
        first, second = KeySet(), KeySet()
        first.add(5)

        assert second.add(5)
