"""Which way a report is requested, so that it is known whose it is: asynchronously or synchronously."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.errors import AmbiguousEventError, NetworkError
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.asking import ledger, pbx_that, ways
from tests.integration.support import QUEUE_REPORT, Run, Wait


class TestTheWay:
    @pytest.mark.parametrize(
        ("exclusive", "asynchronous", "expected", "identified_by"),
        [
            pytest.param(True, None, ["1"], "turn", id="on-the-word"),
            pytest.param(False, None, ["0"], "answer", id="without-it"),
            pytest.param(True, True, ["1"], "turn", id="asynchronous-on-the-word"),
            pytest.param(False, True, ["1", "0"], "answer", id="asynchronous-without-it"),
            pytest.param(True, False, ["0"], "answer", id="synchronous"),
        ],
    )
    def test_it_follows_the_word_and_the_argument_and_the_log_says_why(
        self,
        waiting: Wait,
        no_pauses: None,
        caplog: pytest.LogCaptureFixture,
        exclusive: bool,
        asynchronous: bool | None,
        expected: list[str],
        identified_by: str,
    ) -> None:
        caplog.set_level(logging.INFO)
        waiting.settings["exclusive"] = exclusive

        report = waiting.run(request=QUEUE_REPORT | {"asynchronous": asynchronous})

        asked = list(dict.fromkeys(ways(waiting.pbx)))  # 70082 in between makes more of them
        assert asked == expected
        assert report.identified_by == identified_by
        lines = [record.getMessage() for record in caplog.records if "because" in record.getMessage()]
        assert any("Requesting queueperformance" in line for line in lines)

    @pytest.mark.usefixtures("no_pauses")
    @pytest.mark.parametrize("was_received", [True, False])
    def test_a_request_that_never_reached_the_pbx_leaves_no_doubt(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch, was_received: bool
    ) -> None:
        request_report = PbxSession.request_report
        lost = NetworkError("The connection to the PBX failed", pbx="pbx.test:443")
        lost.was_received = was_received
        failures = [lost]

        def request_report_later(self: PbxSession, *arguments: Any) -> Any:
            if failures:
                raise failures.pop()
            return request_report(self, *arguments)

        monkeypatch.setattr(PbxSession, "request_report", request_report_later)

        report = waiting.run()

        assert report.identified_by == ("answer" if was_received else "turn")
        assert len(ledger(waiting).jobs) == was_received

    @pytest.mark.usefixtures("no_pauses")
    @pytest.mark.parametrize("fault", ["processing", "cut answer"])
    def test_a_synchronous_request_that_names_no_file_is_retried(self, waiting: Wait, fault: Any) -> None:
        waiting.settings["exclusive"] = False
        waiting.pbx.faults.add(Fault(fault, times=2))

        report = waiting.run()

        assert report.identified_by == "answer"
        assert set(ways(waiting.pbx)) == {"0"}

    @pytest.mark.usefixtures("long_pauses")
    def test_a_pbx_that_never_names_the_file_ends_in_an_error_that_explains_the_word(self, tmp_path: Path) -> None:
        with (
            pbx_that(sync_says_processing=True, report_seconds=0.01) as pbx,
            pytest.raises(AmbiguousEventError, match="set `exclusive` in the Airflow connection"),
        ):
            Wait(pbx, tmp_path, {"exclusive": False}).run(wait_timeout=30)

    @pytest.mark.usefixtures("no_pauses")
    @pytest.mark.parametrize("asynchronous", [None, True])
    def test_an_id_in_the_answer_identifies_without_the_word(self, tmp_path: Path, asynchronous: bool | None) -> None:
        with pbx_that(answer_has_id=True, sync_says_processing=True, parallel_jobs=3) as pbx:
            pbx.faults.add(Fault("foreign event", value="Somebody-elses.csv", times=9))
            waiting = Wait(pbx, tmp_path, {"exclusive": False})
            report = waiting.run(request=QUEUE_REPORT | {"asynchronous": asynchronous})

        assert report.file.startswith("Queue-Performance")
        assert report.identified_by == "answer"


class TestTheTriggerer:
    @pytest.mark.parametrize("asynchronous", [None, True, False])
    @pytest.mark.parametrize("exclusive", [True, False])
    def test_every_way_waits_without_a_worker_slot(
        self,
        pbx: PbxSimulator,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        no_pauses: None,
        asynchronous: bool | None,
        exclusive: bool,
    ) -> None:
        monkeypatch.setenv("AIRFLOW__YEASTAR__EXCLUSIVE", str(exclusive))
        connection = json.loads(__import__("os").environ["AIRFLOW_CONN_YEASTAR_DEFAULT"])
        del connection["extra"]["exclusive"]
        monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", json.dumps(connection))
        run = Run(
            YeastarCallReportOperator(
                task_id="report",
                destination=str(tmp_path / "x.csv"),
                deferrable=True,
                asynchronous=asynchronous,
                **QUEUE_REPORT,
            )
        )

        run.to_the_end()

        assert len(run.triggers) == 1
        way = "turn" if exclusive and asynchronous is not False else "answer"
        assert run.xcoms["report"]["identified_by"] == way
