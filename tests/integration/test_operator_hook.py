"""The operator's hook against a simulated PBX: what its test button says."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import YeastarError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import connect


class TestHook:
    def test_the_test_button_says_who_answered(self, pbx: PbxSimulator) -> None:
        succeeded, message = YeastarHook().test_connection()

        assert succeeded
        assert "P570" in message
        assert pbx.settings.serial_number in message

    def test_the_test_button_says_what_is_wrong(self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        connect(pbx, monkeypatch, password="wrong")

        succeeded, message = YeastarHook().test_connection()

        assert not succeeded
        assert "refused Client ID and Client Secret" in message
        assert "wrong" not in message.replace("Wrong", "")

    def test_the_test_button_asks_each_time(self, pbx: PbxSimulator) -> None:
        assert YeastarHook().test_connection()[0]
        pbx.faults.add(Fault("status", "system/information", 502, times=99))

        succeeded, message = YeastarHook().test_connection()

        assert not succeeded
        assert "502" in message

    def test_after_a_correction_on_the_pbx_the_test_button_opens_the_way(
        self, pbx: PbxSimulator, tmp_path: Path
    ) -> None:
        pbx.faults.add(Fault("errcode", "get_token", -1))
        with pytest.raises(YeastarError):
            YeastarHook().get_information()
        with pytest.raises(YeastarError, match="seconds ago"):
            YeastarHook().get_information()

        assert YeastarHook().test_connection()[0]
        assert YeastarHook().get_information().model == "Yeastar P570"
