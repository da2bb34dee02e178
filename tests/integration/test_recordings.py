"""Recordings of a simulated PBX over real sockets: each once and whole, a manifest at the end, or a red task."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.files.inventory import facts_of
from airflow_provider_yeastar.pbx.files.body import FileFacts
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.recordings import DAY, Serve, asked_for, lines_of, operator, recordings_in
from tests.integration.support import connect, run_task

pytestmark = pytest.mark.usefixtures("no_pauses")


class TestTheOperator:
    def test_stores_each_recording_once_and_tells_of_it_in_the_manifest(self, pbx: PbxSimulator, out: Path) -> None:
        path, xcoms = run_task(operator(out))

        lines, files = lines_of(path), recordings_in(out)
        assert len({line["id"] for line in lines}) == len(lines) > 10
        assert {line["path"] for line in lines if line["size"]} == {str(out / name) for name in files}
        for line in lines:
            content = Path(line["path"]).read_bytes() if line["path"] else b""
            assert len(content) == line["bytes"] == line["size"]
            assert line["sha256"] == (hashlib.sha256(content).hexdigest() if content else None)
            assert content[:4] in (b"RIFF", b"")
        assert sorted(asked_for(pbx)) == sorted(line["id"] for line in lines if line["size"])
        report = xcoms["report"]
        assert (report["rows"], report["complete"], report["report_type"]) == (len(lines), True, "recording")
        assert (report["start_time"], report["end_time"]) == (f"{DAY}T00:00:00", f"{DAY}T23:59:59")
        assert report["sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()

    def test_a_rerun_fetches_what_is_missing_or_of_another_size(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))
        manifest, files = Path(path).read_bytes(), recordings_in(out)
        gone, cut, *_ = files
        (out / gone).unlink()
        (out / cut).write_bytes(files[cut][:-1])
        ids = {Path(line["path"]).name: line["id"] for line in lines_of(path) if line["path"]}
        del pbx.requests[:]

        again, _ = run_task(operator(out))

        assert sorted(asked_for(pbx)) == sorted([ids[gone], ids[cut]])
        assert (again, Path(again).read_bytes(), recordings_in(out)) == (path, manifest, files)

    def test_a_rerun_hashes_what_is_there_as_it_stands(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))
        line = next(line for line in lines_of(path) if line["path"])
        Path(line["path"]).write_bytes(bytes(line["size"]))

        again, _ = run_task(operator(out))

        told = next(found for found in lines_of(again) if found["id"] == line["id"])
        assert told["sha256"] == hashlib.sha256(bytes(line["size"])).hexdigest()

    def test_what_is_there_and_cannot_be_read_is_fetched_again(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, _ = run_task(operator(out))
        line = next(line for line in lines_of(path) if line["path"])

        def refuse_one(path: str, look: Callable[[], None]) -> FileFacts:
            if path == line["path"]:
                raise PermissionError("write only")
            return facts_of(path, look)

        monkeypatch.setattr("airflow_provider_yeastar.files.gathering.facts_of", refuse_one)
        del pbx.requests[:]

        again, _ = run_task(operator(out))

        assert asked_for(pbx) == [line["id"]]
        assert line in lines_of(again)

    def test_names_are_made_of_time_call_recording_and_pbx(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))

        for line in lines_of(path):
            if line["path"]:
                started = datetime.strptime(line["time"], "%Y/%m/%d %H:%M:%S")
                parts = (f"{started:%Y%m%dT%H%M%S}", line["uid"], line["id"], pbx.settings.serial_number)
                assert Path(line["path"]).name == "_".join(parts) + ".wav"

    def test_names_stay_when_the_display_format_changes(self, serve: Serve, out: Path) -> None:
        names = []
        for display in ({}, {"date_format": "DD/MM/YYYY"}, {"date_format": "MM-DD-YYYY", "twelve_hour": True}):
            with serve(**display) as pbx:
                run_task(operator(out))
                names.append((recordings_in(out).keys(), bool(asked_for(pbx))))

        assert [fetched for _, fetched in names] == [True, False, False]
        assert names[0][0] == names[1][0] == names[2][0]

    def test_times_are_told_in_unix_seconds_too(self, pbx: PbxSimulator, out: Path) -> None:
        for line in lines_of(run_task(operator(out))[0]):
            local = datetime.strptime(line["time"], "%Y/%m/%d %H:%M:%S")
            assert datetime.fromtimestamp(line["timestamp"], UTC).hour == (local.hour - 1) % 24  # Berlin in November

    def test_two_pbxs_share_a_folder(self, serve: Serve, out: Path) -> None:
        paths = []
        for serial_number in ("3692A0000001", "3692A0000002"):
            with serve(serial_number=serial_number) as pbx:
                run_task(operator(out))
                paths.append({name for name in recordings_in(out) if serial_number in name})
                assert len(paths[-1]) == len(asked_for(pbx))

    def test_recordings_without_a_file_are_in_the_manifest(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))

        empty = [line for line in lines_of(path) if not line["size"]]
        assert [(line["path"], line["sha256"], line["bytes"]) for line in empty] == [(None, None, 0)] * len(empty) != []
        assert not {line["id"] for line in empty} & set(asked_for(pbx))

    def test_a_manifest_in_parquet_has_the_same_lines(self, pbx: PbxSimulator, out: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")

        path, _ = run_task(operator(out, file_format="parquet"))

        assert parquet.read_table(path).to_pylist() == lines_of(run_task(operator(out))[0])

    @pytest.mark.parametrize("filters", [{"caller": "1000"}, {"callee": "1001"}, {"ids": []}], ids=str)
    def test_filters_are_the_pbx_s(self, pbx: PbxSimulator, out: Path, filters: dict[str, Any]) -> None:
        everything = lines_of(run_task(operator(out, period="2026-11-16"))[0])
        if "ids" in filters:
            filters = {"ids": [everything[0]["id"], int(everything[-1]["id"])]}

        some = lines_of(run_task(operator(out, period="2026-11-16", filters=filters))[0])

        keys = {"caller": "call_from_number", "callee": "call_to_number", "ids": "id"}
        ((name, value),) = filters.items()
        wanted = {str(each) for each in (value if isinstance(value, list) else [value])}
        assert some == [line for line in everything if line[keys[name]] in wanted]
        assert 0 < len(some) < len(everything)

    def test_its_own_tokens_are_given_back(self, serve: Serve, monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
        with serve() as pbx:
            connect(pbx, monkeypatch, extra={"timezone": "Europe/Berlin", "login_sharing": "none"})

            run_task(operator(out, concurrency=3))

            assert (pbx.state.logins, pbx.state.tokens) == (4, {})

    def test_the_tokens_of_all_threads_are_masked_from_the_task_s_own(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, out: Path
    ) -> None:
        """Airflow's secrets masker is not for other threads."""
        masked: dict[str, bool] = {}

        def mask(token: str) -> None:
            masked[token] = threading.current_thread() is threading.main_thread()

        monkeypatch.setattr("airflow_provider_yeastar.hooks.connection.mask_token", mask)
        with serve() as pbx:
            connect(pbx, monkeypatch, extra={"timezone": "Europe/Berlin", "login_sharing": "none"})

            run_task(operator(out, concurrency=3))

            used = {call.query["access_token"] for call in pbx.requests if "access_token" in call.query}
        assert len(used) > 1
        assert used <= masked.keys()
        assert all(masked.values())
