"""Whose report is it? Several clients, hosts and people at one PBX over real sockets: never another's file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.errors import AmbiguousEventError, NetworkError, WrongReportError
from airflow_provider_yeastar.pbx.events import shared
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.support import QUEUE_REPORT, Run, Wait, run_task
from tests.pbx.state.redis_server import redis_server

DOWNLOAD = "call_report/download"
IN_THE_PORTAL = {
    "type": "queueperformance",
    "queue_id_list": "2",
    "format": "csv",
    "start_time": "2026/11/20 00:00:00",
    "end_time": "2026/11/20 23:59:59",
}


def request(queue: int) -> dict[str, Any]:
    return QUEUE_REPORT | {"parameters": {"queue_id_list": [queue]}}


def ways(pbx: PbxSimulator) -> list[str]:
    """How the reports were requested: ``1`` asynchronously, ``0`` synchronously."""
    return [call.query["is_async"] for call in pbx.calls(DOWNLOAD)]


def announced(file: str) -> dict[str, str]:
    return {"result": "success", "file": file, "download_resource_url": f"/api/download/{file}"}


def ledger(waiting: Wait) -> Ledger:
    state = DirectoryState(waiting.state_dir)
    return Ledger.read(state.read(ledger_name(waiting.pbx.settings.serial_number)), state.now())


async def reached(pbx: PbxSimulator, condition: Callable[[PbxSimulator], bool]) -> None:
    await asyncio.to_thread(pbx.wait_until, condition)


@contextlib.contextmanager
def pbx_that(**changes: Any) -> Iterator[PbxSimulator]:
    with PbxSimulator(SimulatorSettings(**changes)) as pbx:
        yield pbx


def label_of(content: bytes) -> str:
    return content.decode("utf-8-sig").splitlines()[1].split(",")[0]


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

    @pytest.mark.usefixtures("no_pauses")
    def test_a_pbx_that_never_names_the_file_ends_in_an_error_that_explains_the_word(self, tmp_path: Path) -> None:
        with (
            pbx_that(sync_says_processing=True, report_seconds=0.01) as pbx,
            pytest.raises(AmbiguousEventError, match="set `exclusive` in the Airflow connection"),
        ):
            Wait(pbx, tmp_path, {"exclusive": False}).run(wait_timeout=1.0)

    @pytest.mark.usefixtures("no_pauses")
    @pytest.mark.parametrize("asynchronous", [None, True])
    def test_an_id_in_the_answer_identifies_without_the_word(self, tmp_path: Path, asynchronous: bool | None) -> None:
        with pbx_that(answer_has_id=True, sync_says_processing=True, parallel_jobs=3) as pbx:
            pbx.faults.add(Fault("foreign event", value="Somebody-elses.csv", times=9))
            waiting = Wait(pbx, tmp_path, {"exclusive": False})
            report = waiting.run(request=QUEUE_REPORT | {"asynchronous": asynchronous})

        assert report.file.startswith("Queue-Performance")
        assert report.identified_by == "answer"


def kill_a_wait(waiting: Wait) -> None:
    async def kill() -> None:
        wait = asyncio.create_task(waiting.start(request=request(1)))
        await reached(waiting.pbx, lambda pbx: pbx.busy and pbx.subscribers == 1)
        wait.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await wait

    asyncio.run(kill())


@pytest.mark.usefixtures("no_pauses")
class TestAJobWithoutAnOwner:
    def test_the_file_of_a_killed_task_is_not_given_to_the_next_one(self, tmp_path: Path) -> None:
        with pbx_that(queued_jobs=5) as pbx:
            waiting = Wait(pbx, tmp_path)
            pbx.hold_reports()
            kill_a_wait(waiting)
            pbx.release_reports()

            report = waiting.run(request=request(2))

            assert label_of(waiting.fetch(report)).startswith("Support")
            assert report.identified_by == "answer"
            assert ways(pbx) == ["1", "0"]

    def test_the_second_file_of_a_task_that_asked_twice_is_not_given_to_the_next_one(self, tmp_path: Path) -> None:
        """Fault 4: a dropped socket made a task ask twice, and the next task took the second event for its own."""
        with pbx_that(queued_jobs=5) as pbx:
            waiting = Wait(pbx, tmp_path)
            pbx.hold_reports()
            pbx.hold_events()

            async def drop_its_socket_and_go_on() -> tuple[FinishedReport, FinishedReport]:
                wait = asyncio.create_task(waiting.start(request=request(1)))
                await reached(pbx, lambda pbx: pbx.busy and pbx.subscribers == 1)
                await asyncio.to_thread(pbx.drop_sockets)
                await reached(pbx, lambda pbx: len(ways(pbx)) == 2)
                pbx.release_reports()
                first = await wait
                following = asyncio.create_task(waiting.start(request=request(2)))
                await reached(pbx, lambda pbx: len(ways(pbx)) == 3)
                await asyncio.to_thread(pbx.release_events)
                return first, await following

            first, second = asyncio.run(drop_its_socket_and_go_on())

            assert label_of(waiting.fetch(first)).startswith("Sales")
            assert label_of(waiting.fetch(second)).startswith("Support")
            assert ways(pbx) == ["1", "0", "0"]

    def test_after_a_restart_of_the_pbx_events_are_believed_again(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.state.ledger._REBOOT_MARGIN_SECONDS", -60.0)
        waiting.pbx.hold_reports()
        kill_a_wait(waiting)
        assert len(ledger(waiting).jobs) == 1
        waiting.pbx.restart()
        waiting.pbx.release_reports()

        report = waiting.run()

        assert report.identified_by == "turn"
        assert ledger(waiting).jobs == ()

    def test_a_wait_that_runs_out_of_time_leaves_its_job_in_the_ledger(self, waiting: Wait) -> None:
        waiting.pbx.hold_reports()
        with pytest.raises(Exception, match="No report within"):
            waiting.run(wait_timeout=0.5)
        waiting.pbx.release_reports()

        assert len(ledger(waiting).jobs) >= 1
        assert waiting.run().identified_by == "answer"


@pytest.fixture(params=["a deleted directory", "a Redis that restarts without its data"])
def losable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """The URL of a state, empty for the directory ``state``, and what loses it."""
    if request.param == "a deleted directory":
        yield "", lambda: shutil.rmtree(tmp_path / "state")
        return
    with redis_server() as server:

        def restart() -> None:
            server.kill()
            server.start()

        yield server.url, restart


@pytest.mark.usefixtures("no_pauses")
class TestALostState:
    def test_the_file_of_a_task_killed_before_is_not_given_to_the_next_one(
        self, losable: tuple[str, Callable[[], object]], tmp_path: Path
    ) -> None:
        url, lose = losable
        with pbx_that(queued_jobs=5) as pbx:
            waiting = Wait(pbx, tmp_path / "state", state_url=url)
            pbx.hold_reports()
            kill_a_wait(waiting)
            lose()
            pbx.release_reports()

            report = replace(waiting, past_is_known=False).run(request=request(2))

            assert label_of(waiting.fetch(report)).startswith("Support")
            assert report.identified_by == "answer"
            assert ways(pbx) == ["1", "0"]

    def test_a_ledger_that_is_evicted_during_a_wait_leaves_its_event_in_doubt(self, waiting: Wait) -> None:
        pbx = waiting.pbx
        pbx.hold_reports()
        name, state = ledger_name(pbx.settings.serial_number), DirectoryState(waiting.state_dir)

        async def lose_it_meanwhile() -> FinishedReport:
            wait = asyncio.create_task(waiting.start())
            await reached(pbx, lambda pbx: pbx.busy)
            await asyncio.to_thread(partial(state.update, name, lambda *_: None, keep_seconds=1))
            pbx.release_reports()
            return await wait

        assert asyncio.run(lose_it_meanwhile()).identified_by == "answer"
        assert not ledger(waiting).contest

    def test_a_new_state_believes_no_event_and_the_log_says_why(
        self, waiting: Wait, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        waiting.past_is_known = False
        waiting.pbx.faults.add(Fault("errcode", DOWNLOAD, 70082, times=2))

        assert waiting.run().identified_by == "answer"
        assert waiting.run().identified_by == "answer"

        assert set(ways(waiting.pbx)) == {"0"}
        assert "synchronously, because the shared state knows this PBX only since 20" in caplog.text
        assert not ledger(waiting).contest

    def test_after_a_restart_of_the_pbx_events_are_believed(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting.past_is_known = False
        waiting.run()
        monkeypatch.setattr("airflow_provider_yeastar.pbx.state.ledger._REBOOT_MARGIN_SECONDS", -60.0)
        waiting.pbx.restart()

        assert waiting.run().identified_by == "turn"
        assert ledger(waiting).known_since is None


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
    def test_a_file_that_contradicts_the_request_is_red_and_nothing_is_written(
        self, pbx: PbxSimulator, waiting: Wait, tmp_path: Path, others: dict[str, Any]
    ) -> None:
        kind = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1]}, "period": "2026-11-20"}
        if "period" in others:
            kind |= {"report_type": "queuesatisfactiondetail", "parameters": {"queue_id": 1}}
        foreign = waiting.run(request=kind | others)
        pbx.faults.add(Fault("url", value=foreign.url), Fault("file name", value=foreign.file))
        # The file was delivered long ago, as far as the ledger remembers.
        entry = DirectoryState(waiting.state_dir)
        entry.update(ledger_name(pbx.settings.serial_number), lambda *_: Ledger().to_entry(), keep_seconds=60)
        task = YeastarCallReportOperator(task_id="report", destination=str(tmp_path / "x.csv"), **kind)

        with pytest.raises(Exception, match="is another report's") as error:
            run_task(task)

        assert WrongReportError.default_remedy in str(error.value)
        assert not (tmp_path / "x.csv").exists()
        assert ledger(waiting).contest


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


class TestTheSocket:
    def test_an_event_is_delivered_once_while_the_socket_is_renewed(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pbx = waiting.pbx
        opened = shared.open_channel

        async def announce_while_two_are_open(*arguments: Any) -> Any:
            channel = await opened(*arguments)
            if len(pbx.calls("subscribe")) == 2:
                await asyncio.to_thread(pbx.publish, announced("A.csv"))
                await asyncio.to_thread(pbx.publish, announced("B.csv"))
            return channel

        monkeypatch.setattr(shared, "open_channel", announce_while_two_are_open)
        monkeypatch.setattr("airflow_provider_yeastar.pbx.tokens.Tokens.margin", 3600.0)

        async def listen() -> list[str]:
            heard: list[str] = []
            async with waiting.client().connected() as connection, connection.listen() as events:
                await connection.connect()
                await asyncio.to_thread(pbx.publish, announced("C.csv"))
                while "C.csv" not in heard:
                    heard += [event.file for event in await events.next_events()]
            return heard

        assert asyncio.run(listen()) == ["A.csv", "B.csv", "C.csv"]

    def test_one_that_is_confirmed_and_refused_in_one_breath_is_noticed_at_once(
        self, waiting: Wait, no_pauses: None
    ) -> None:
        waiting.pbx.faults.add(Fault("refused subscription"))

        async def in_time() -> FinishedReport:
            # A look at the token comes every 20 s only.
            return await asyncio.wait_for(waiting.start(), 10)

        assert asyncio.run(in_time()).file.startswith("Queue-Performance")
        assert ways(waiting.pbx) == ["1"]

    def test_a_flapping_one_does_not_make_report_after_report(self, waiting: Wait, no_pauses: None) -> None:
        waiting.pbx.faults.add(Fault("drop sockets", times=99))

        waiting.run()

        # 70082 while the first job runs is no report.
        assert ways(waiting.pbx)[0] == "1"
        assert set(ways(waiting.pbx)[1:]) == {"0"}
        assert len(waiting.pbx.calls("subscribe")) == 1

    @pytest.mark.parametrize("text", ["[" * 200_000, '{"type":30027,"msg":' + "[" * 100_000, "{" * 9, "\x00", "null"])
    def test_no_frame_kills_its_reader(self, waiting: Wait, text: str) -> None:
        pbx = waiting.pbx
        pbx.hold_reports()

        async def send_it_meanwhile() -> FinishedReport:
            wait = asyncio.create_task(waiting.start())
            await reached(pbx, lambda pbx: pbx.busy)
            await asyncio.to_thread(pbx.send_text, text)
            pbx.release_reports()
            return await wait

        assert asyncio.run(send_it_meanwhile()).identified_by == "turn"

    def test_a_reader_that_fails_says_so_at_once(
        self, waiting: Wait, no_pauses: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        from airflow_provider_yeastar.pbx import wire

        decode = wire.decode_frame

        def fail(frame: str | bytes, **where: Any) -> Any:
            if "30027" in str(frame):
                raise MemoryError
            return decode(frame, **where)

        monkeypatch.setattr(wire, "decode_frame", fail)

        report = waiting.run()

        assert report.identified_by == "answer"
        assert "failed with MemoryError" in caplog.text
