"""The wait for a report under the settings of a simulated PBX and its connection: rights, display formats, tokens."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.errors import (
    BlockedError,
    CallRateMissingError,
    ClockMismatchError,
    CredentialsError,
    ParameterError,
    PermissionDeniedError,
    YeastarError,
)
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.asking import DOWNLOAD, orders
from tests.integration.support import QUEUE_REPORT, Wait, login_at, settings_for


class TestWhatNoRetryCanMend:
    def test_a_refused_login_is_tried_once_by_all(self, waiting: Wait) -> None:
        waiting.settings["client_secret"] = "wrong"

        for _ in range(7):
            with pytest.raises(CredentialsError):
                waiting.run()

        assert len(waiting.pbx.calls("get_token")) == 1

    def test_a_blocked_address_is_told_so(self, waiting: Wait) -> None:
        waiting.pbx.state.failed_logins["127.0.0.1"] = 5

        with pytest.raises(BlockedError, match="Unblock"):
            waiting.run()

    def test_a_missing_permission_is_told_so(self, tmp_path: Path) -> None:
        with (
            PbxSimulator(SimulatorSettings(denied=frozenset({DOWNLOAD}))) as pbx,
            pytest.raises(PermissionDeniedError, match="Grant"),
        ):
            Wait(pbx, tmp_path).run()

    def test_call_accounting_without_a_rate(self, tmp_path: Path) -> None:
        request = QUEUE_REPORT | {"report_type": "extcallbilling", "parameters": {"trunk_id_list": "31"}}
        with (
            PbxSimulator(SimulatorSettings(call_rate_set=False)) as pbx,
            pytest.raises(CallRateMissingError, match="Set a call rate"),
        ):
            Wait(pbx, tmp_path).run(request=request)

    def test_a_parameter_that_the_pbx_misses_is_named_in_its_words(self, waiting: Wait) -> None:
        request = QUEUE_REPORT | {"report_type": "queueperformanceactivity", "parameters": {}}

        with pytest.raises(ParameterError, match="queue_id_list is required"):
            waiting.run(request=request)

    def test_a_clock_in_another_zone_is_named(self, waiting: Wait) -> None:
        waiting.settings["timezone"] = "Asia/Tokyo"

        with pytest.raises(ClockMismatchError, match="Asia/Tokyo"):
            waiting.run()


class TestDisplayFormats:
    @pytest.mark.parametrize("twelve_hour", [False, True], ids=["24h", "12h"])
    @pytest.mark.parametrize("date_format", ["YYYY/MM/DD", "MM-DD-YYYY", "DD.MM.YYYY"])
    def test_rows_come_back_in_every_format(self, date_format: str, twelve_hour: bool, tmp_path: Path) -> None:
        with PbxSimulator(SimulatorSettings(date_format=date_format, twelve_hour=twelve_hour)) as pbx:
            waiting = Wait(pbx, tmp_path)
            content = waiting.fetch(waiting.run())

        assert b"Support<6401>" in content

    def test_firmware_that_does_not_tell_complains_in_a_go_layout(self, tmp_path: Path) -> None:
        silent = SimulatorSettings(tells_display=False, date_format="DD/MM/YYYY", twelve_hour=True)
        with PbxSimulator(silent) as pbx:
            waiting = Wait(pbx, tmp_path)
            content = waiting.fetch(waiting.run())

            assert [order["start_time"] for order in orders(pbx)] == ["2026/11/20 00:00:00", "20/11/2026 12:00:00 AM"]
        assert b"Support<6401>" in content

    def test_old_firmware_goes_by_the_connection(self, tmp_path: Path) -> None:
        old = SimulatorSettings(tells_display=False, date_format="MM/DD/YYYY", firmware="20.0.21", data_version="v1.0")
        formats = {"date_format": "MM/DD/YYYY", "time_format": "hh:mm:ss"}
        with PbxSimulator(old) as pbx:
            waiting = Wait(pbx, tmp_path, formats)
            content = waiting.fetch(waiting.run())
            with pytest.raises(YeastarError, match="date_format"):
                Wait(pbx, tmp_path).run()

        assert b"Support<6401>" in content


class TestTokens:
    def test_a_token_of_one_s_own_is_given_back(self, waiting: Wait) -> None:
        waiting.settings["login_sharing"] = "none"

        for _ in range(waiting.pbx.settings.token_cap + 1):
            with waiting.client() as client:
                client.get_information()

        assert waiting.pbx.state.tokens == {}

    def test_a_shared_token_is_refreshed_not_replaced(self, waiting: Wait) -> None:
        waiting.run()
        login = login_at(settings_for(waiting.pbx), waiting.state_dir)
        login.change(lambda record, now: replace(record, tokens=replace(record.tokens, access_expires_at=0.0)))

        waiting.run()

        assert waiting.pbx.state.logins == 1
        assert len(waiting.pbx.calls("refresh_token")) == 1

    def test_no_token_is_logged(self, waiting: Wait, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        waiting.pbx.faults.add(Fault("reset before", DOWNLOAD), Fault("drop sockets"))

        waiting.fetch(waiting.run())

        text = caplog.text
        assert "call_report/download" in text
        for token in waiting.pbx.state.tokens.values():
            assert token.access not in text
            assert token.refresh not in text
        assert waiting.pbx.client_secret not in text
