"""Whose report is it? Several clients, hosts and people at one PBX over real sockets: never another's file."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.errors import WrongReportError
from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.asking import DOWNLOAD, announced, label_of, ledger, pbx_that, reached, request
from tests.integration.support import Wait, run_task

IN_THE_PORTAL = {
    "type": "queueperformance",
    "queue_id_list": "2",
    "format": "csv",
    "start_time": "2026/11/20 00:00:00",
    "end_time": "2026/11/20 23:59:59",
}


@pytest.mark.usefixtures("no_pauses")
class TestManyClients:
    @pytest.mark.parametrize(
        "behaviour",
        [
            pytest.param({"parallel_jobs": 2}, id="two-jobs-at-once"),
            pytest.param({"announce_seconds": 0.3}, id="announces-late"),
            pytest.param({"queued_jobs": 9}, id="a-queue-of-jobs"),
            pytest.param({"sync_announces": True}, id="announces-synchronous-jobs"),
            pytest.param({"sync_announces": True, "announce_seconds": 0.2, "parallel_jobs": 3}, id="all-of-it"),
        ],
    )
    @pytest.mark.parametrize(
        ("is_shared", "exclusive"),
        [pytest.param(False, False, id="nothing-shared"), pytest.param(True, True, id="one-state-and-the-word")],
    )
    def test_each_gets_its_own_queue_s_report(
        self, behaviour: dict[str, Any], is_shared: bool, exclusive: bool, tmp_path: Path
    ) -> None:
        with pbx_that(**behaviour) as pbx:
            # Their timeouts differ, so that they share no connection within this process.
            clients = [
                Wait(
                    pbx,
                    tmp_path / ("state" if is_shared else f"state-{number}"),
                    {"exclusive": exclusive, "timeout": 10 + number},
                )
                for number in range(2)
            ]

            async def all_of_them() -> list[FinishedReport]:
                return await asyncio.gather(
                    *(client.start(request=request(queue)) for queue in (1, 2, 3) for client in clients)
                )

            reports = asyncio.run(all_of_them())
            labels = [label_of(clients[0].fetch(report)) for report in reports]

        assert labels == [label for label in labels[::2] for _ in range(2)]
        assert len(set(labels)) == 3

    def test_one_pbx_under_two_names_is_one_pbx(self, waiting: Wait) -> None:
        other = Wait(waiting.pbx, waiting.state_dir, {"host": "localhost"})

        async def both() -> list[FinishedReport]:
            return await asyncio.gather(
                *(wait.start(request=request(queue)) for queue in (1, 2) for wait in (waiting, other))
            )

        reports = asyncio.run(both())

        labels = [label_of(waiting.fetch(report)) for report in reports]
        assert labels[0] == labels[1] != labels[2] == labels[3]
        assert {report.identified_by for report in reports} == {"turn"}


class TestSomebodyElse:
    def test_a_report_of_the_portal_makes_an_exclusive_pbx_contested(
        self, waiting: Wait, no_pauses: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        pbx = waiting.pbx
        pbx.hold_reports()

        async def download_in_the_portal_meanwhile() -> FinishedReport:
            wait = asyncio.create_task(waiting.start())
            await reached(pbx, lambda pbx: pbx.busy)
            await asyncio.to_thread(pbx.publish, announced("Somebody-elses.pdf"))
            await reached(pbx, lambda pbx: len(pbx.calls(DOWNLOAD)) > 1)
            pbx.release_reports()
            return await wait

        report = asyncio.run(download_in_the_portal_meanwhile())

        assert report.identified_by == "answer"
        assert ledger(waiting).contest
        assert "is contested" in caplog.text
        assert waiting.run().identified_by == "answer"

    @pytest.mark.parametrize("asynchronous", [None, True])
    def test_without_the_word_a_file_of_the_portal_is_not_delivered(
        self, waiting: Wait, no_pauses: None, asynchronous: bool | None
    ) -> None:
        """Fault 3: a CSV that a person downloaded just before our event was delivered."""
        pbx = waiting.pbx
        waiting.settings["exclusive"] = False
        pbx.hold_reports()

        async def download_in_the_portal_meanwhile() -> FinishedReport:
            wait = asyncio.create_task(waiting.start(request=request(1) | {"asynchronous": asynchronous}))
            await reached(pbx, lambda pbx: pbx.busy)
            await asyncio.to_thread(partial(pbx.download_in_portal, **IN_THE_PORTAL))
            pbx.release_reports()
            return await wait

        report = asyncio.run(download_in_the_portal_meanwhile())

        assert label_of(waiting.fetch(report)).startswith("Sales")
        assert report.identified_by == "answer"

    def test_without_the_word_it_is_nobody_s_business(self, waiting: Wait) -> None:
        waiting.settings["exclusive"] = False
        waiting.run()
        waiting.pbx.publish(announced("Somebody-elses.csv"))

        assert waiting.run().identified_by == "answer"
        assert not ledger(waiting).contest

    @pytest.mark.parametrize(
        "others", [{"parameters": {"queue_id_list": [2]}}, {"period": "2026-11-02"}], ids=["names", "dates"]
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_a_file_that_contradicts_the_request_is_red_and_nothing_is_written(
        self, pbx: PbxSimulator, waiting: Wait, tmp_path: Path, others: dict[str, Any], encoding: str
    ) -> None:
        kind = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1]}, "period": "2026-11-20"}
        if "period" in others:
            kind |= {"report_type": "queuesatisfactiondetail", "parameters": {"queue_id": 1}}
        foreign = waiting.run(request=kind | others)
        content = waiting.fetch(foreign).decode("utf-8-sig").encode(encoding)
        pbx.faults.add(Fault("url", value=foreign.url), Fault("file name", value=foreign.file))
        pbx.faults.add(Fault("other bytes", value=content))
        # The file was delivered long ago, as far as the ledger remembers.
        entry = DirectoryState(waiting.state_dir)
        entry.update(ledger_name(pbx.settings.serial_number), lambda *_: Ledger().to_entry(), keep_seconds=60)
        task = YeastarCallReportOperator(task_id="report", destination=str(tmp_path / "x.csv"), **kind)

        with pytest.raises(Exception, match="is another report's") as error:
            run_task(task)

        assert WrongReportError.default_remedy in str(error.value)
        assert not (tmp_path / "x.csv").exists()
        assert ledger(waiting).contest
