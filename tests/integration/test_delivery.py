"""The file arrives whole or not at all: each thing that can go wrong on its way, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.pbx.errors import (
    BadFileError,
    FileExpiredError,
    NotAPbxError,
    PbxInternalError,
    TokenExpiredError,
)
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.delivering import BIG, fetches, names, operator, serving
from tests.integration.support import connect, run_task


class TestWhatIsNoReport:
    NOT_SAVED = (
        pytest.param(Fault("json body", value=-2), PbxInternalError, id="JSON error"),
        pytest.param(Fault("html body"), BadFileError, id="HTML"),
        pytest.param(Fault("empty"), BadFileError, id="empty body"),
        pytest.param(Fault("longer", value=b"more"), BadFileError, id="more bytes than announced"),
        pytest.param(Fault("other bytes", value=b"%PDF-1.7\n"), BadFileError, id="PDF for CSV"),
        pytest.param(Fault("status", ".csv", 500), NotAPbxError, id="HTTP status 500"),
    )

    @pytest.mark.parametrize(("fault", "error"), NOT_SAVED)
    def test_it_is_refused_and_the_old_file_stays(
        self, pbx: PbxSimulator, out: Path, fault: Fault, error: type[Exception]
    ) -> None:
        (out / "x.csv").write_text("old")
        pbx.faults.add(*[fault] * 4)

        with pytest.raises(error):
            run_task(operator(out / "x.csv", deferrable=False))

        assert len(fetches(pbx)) == 4
        assert len(pbx.calls("call_report/download")) == 2
        assert names(out) == ["x.csv"]
        assert (out / "x.csv").read_text() == "old"

    def test_a_dead_token_is_replaced_and_the_file_fetched(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("errcode", ".csv", 10004))

        run_task(operator(out / "x.csv", deferrable=False))

        assert len(fetches(pbx)) == 2
        assert len({call.query["access_token"] for call in pbx.requests if call.path.startswith("/api/download/")}) == 2

    def test_two_dead_tokens_are_the_end(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("errcode", ".csv", 10004, times=9))

        with pytest.raises(TokenExpiredError):
            run_task(operator(out / "x.csv", deferrable=False))

        assert (len(fetches(pbx)), len(pbx.calls("call_report/download"))) == (2, 1)

    def test_a_token_that_dies_while_the_download_breaks_off_is_replaced(
        self, big: PbxSimulator, out: Path, no_pauses: None
    ) -> None:
        def die(call: Any) -> None:
            if len(fetches(big)) == 2:
                big.faults.add(Fault("errcode", ".csv", 10004, times=2))

        big._on_call = die
        big.faults.add(Fault("truncated", value=600_000))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG
        assert len(big.calls("call_report/download")) == 1

    @pytest.mark.parametrize("errcode", [10005, 70004, 70087, 70123])
    def test_what_only_a_person_can_mend_fails_at_once(
        self, pbx: PbxSimulator, out: Path, errcode: int, way: dict[str, Any]
    ) -> None:
        pbx.faults.add(Fault("json body", value=errcode, times=9))

        with pytest.raises(AirflowFailException, match=f"errcode {errcode}"):
            run_task(operator(out / "x.csv", **way))

        assert (len(fetches(pbx)), len(pbx.calls("call_report/download"))) == (1, 1)

    @pytest.mark.parametrize("errcode", [60001, 10001, 40002])
    def test_a_file_that_is_gone_may_be_tried_again_by_airflow(
        self, pbx: PbxSimulator, out: Path, errcode: int, way: dict[str, Any]
    ) -> None:
        pbx.faults.add(Fault("json body", value=errcode, times=9))

        with pytest.raises(FileExpiredError, match=f"errcode {errcode}.*ask for the report again") as raised:
            run_task(operator(out / "x.csv", **way))

        assert "api_version" not in str(raised.value)
        assert (len(fetches(pbx)), len(pbx.calls("call_report/download"))) == (4, 2)

    @pytest.mark.parametrize("fault", [Fault("no length"), None], ids=["not announced", "announced"])
    def test_more_than_max_bytes_fails_at_once(self, pbx: PbxSimulator, out: Path, fault: Fault | None) -> None:
        if fault:
            pbx.faults.add(fault)

        with pytest.raises(AirflowFailException, match="`max_bytes`, 100 bytes"):
            run_task(operator(out / "x.csv", deferrable=False, max_bytes=100))

        assert len(fetches(pbx)) == 1
        assert names(out) == []

    def test_a_mad_server_is_left_after_max_bytes(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        with serving(monkeypatch, tmp_path, BIG * 20) as pbx:
            pbx.faults.add(Fault("no length"))
            with pytest.raises(AirflowFailException, match="`max_bytes`, 100000 bytes"):
                run_task(operator(out / "x.csv", deferrable=False, max_bytes=100_000))

        assert names(out) == []


class TestALengthThatIsNotKept:
    ANNOUNCED = b"Queue,Total\r\nSales<1>,2\r\n"
    SURPLUS = b"Support<2>,3\r\n"

    @pytest.fixture
    def pbx(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PbxSimulator]:
        with serving(monkeypatch, tmp_path, self.ANNOUNCED) as simulator:
            yield simulator

    def test_more_than_was_announced_is_no_shorter_report(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("longer", value=self.SURPLUS, times=4))

        with pytest.raises(BadFileError, match="more than the 25 bytes it announced"):
            run_task(operator(out / "x.csv", deferrable=False))

        assert names(out) == []

    @pytest.mark.parametrize("kind", ["stall half-way", "reset half-way"])
    def test_how_a_connection_ends_after_the_whole_file_does_not_matter(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
    ) -> None:
        connect(pbx, monkeypatch, extra={"timezone": pbx.settings.timezone, "timeout": 5})
        pbx.faults.add(Fault(kind, value=len(self.ANNOUNCED)))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == self.ANNOUNCED
        assert len(fetches(pbx)) == 1


def age(task: Any, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a task resume so long after its first report was ready."""
    resume = task.execute_complete

    def resume_late(context: Any, event: dict[str, Any]) -> str:
        if event["attempt"] == 1:
            event["report"]["ready_at"] -= seconds
        return resume(context, event)  # type: ignore[no-any-return]

    monkeypatch.setattr(task, "execute_complete", resume_late)


class TestAnOldUrl:
    def test_one_new_request_and_no_second_fetch(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = operator(out / "x.csv", deferrable=True)
        age(task, 1801, monkeypatch)
        pbx.faults.add(Fault("json body", value=60001))

        path, _ = run_task(task)

        assert Path(path).exists()
        assert len(fetches(pbx)) == 2
        assert len(pbx.calls("call_report/download")) == 2

    def test_a_url_that_is_old_and_still_served_is_fetched(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = operator(out / "x.csv", deferrable=True)
        age(task, 1700, monkeypatch)

        run_task(task)

        assert len(fetches(pbx)) == 1

    def test_the_error_says_how_old_it_was(self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.files.fetch_rules.URL_MINUTES", -1)
        pbx.faults.add(Fault("html body", times=2))

        with pytest.raises(FileExpiredError, match=r"refused the file 0 minutes after it was ready: .*HTML"):
            run_task(operator(out / "x.csv", deferrable=False))

        assert len(fetches(pbx)) == 2
        assert len(pbx.calls("call_report/download")) == 2
