"""A download that breaks off goes on, and the file is whole: each way of breaking off, over real sockets."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import NetworkError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.delivering import BIG, fetches, names, operator, serving
from tests.integration.support import run_task

CHUNK = 256 * 1024


def change_before_the_second_fetch(pbx: PbxSimulator, content: bytes) -> None:
    """Let the files be of other bytes from the second GET of one on."""

    def change(call: Any) -> None:
        if len(fetches(pbx)) == 2:
            pbx.state.files.update({name: type(file)(content, file.until) for name, file in pbx.state.files.items()})

    pbx._on_call = change


@pytest.mark.usefixtures("no_pauses")
class TestAConnectionThatBreaksOff:
    @pytest.mark.parametrize("cut_at", [0, 1, CHUNK, 600_000, len(BIG) - 1])
    def test_the_download_goes_on_and_the_file_is_whole(self, big: PbxSimulator, out: Path, cut_at: int) -> None:
        big.faults.add(Fault("truncated", value=cut_at))

        path, xcoms = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG
        assert xcoms["report"]["sha256"] == sha256(BIG).hexdigest()
        assert fetches(big) == ["", f"bytes={cut_at}-" if cut_at and big.settings.serves_ranges else ""]
        assert len(big.calls("call_report/download")) == 1
        assert names(out) == ["x.csv"]

    def test_it_goes_on_five_times(self, big: PbxSimulator, out: Path, way: dict[str, Any]) -> None:
        big.faults.add(Fault("truncated", value=500_000, times=5))

        path, _ = run_task(operator(out / "x.csv", **way))

        assert Path(path).read_bytes() == BIG
        assert len(fetches(big)) == 6

    def test_the_sixth_time_fails_the_task_and_the_old_file_stays(
        self, big: PbxSimulator, out: Path, way: dict[str, Any]
    ) -> None:
        (out / "x.csv").write_text("old")
        big.faults.add(Fault("truncated", value=1000, times=9))

        with pytest.raises(NetworkError, match="broke off"):
            run_task(operator(out / "x.csv", **way))

        assert len(fetches(big)) == 6
        assert names(out) == ["x.csv"]
        assert (out / "x.csv").read_text() == "old"

    def test_a_reset_is_no_other_than_an_end(self, big: PbxSimulator, out: Path) -> None:
        big.faults.add(Fault("reset half-way", times=2))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG

    def test_a_pbx_that_is_not_there_for_a_while_is_asked_again(self, big: PbxSimulator, out: Path) -> None:
        big.faults.add(Fault("reset before", ".csv", times=2), Fault("truncated", value=700_000))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG

    def test_a_file_without_a_length_is_compared_from_its_beginning(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        with serving(monkeypatch, tmp_path, BIG) as pbx:
            pbx.faults.add(Fault("no length"))
            path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG

    def test_more_than_the_rest_is_refused(self, big: PbxSimulator, out: Path) -> None:
        big.faults.add(Fault("truncated", value=600_000), Fault("longer", value=b"more"))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        # The rest, or the whole once more, was too long; the file is fetched anew.
        assert Path(path).read_bytes() == BIG
        assert len(fetches(big)) == 3

    def test_another_file_under_the_same_url_is_never_mixed_with_the_first(self, big: PbxSimulator, out: Path) -> None:
        other = BIG.replace(b"6401", b"6402")

        change_before_the_second_fetch(big, other)
        big.faults.add(Fault("truncated", value=600_000))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        # The second answer is compared with what had come, and the file is then fetched once more.
        assert Path(path).read_bytes() == other
        assert len(fetches(big)) == 3

    def test_two_files_that_nothing_tells_apart_are_never_mixed(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        other = BIG.replace(b"6401", b"6402")
        with serving(monkeypatch, tmp_path, BIG, serves_ranges=True, serves_etags=False) as pbx:
            change_before_the_second_fetch(pbx, other)
            pbx.faults.add(Fault("truncated", value=600_000))

            path, _ = run_task(operator(out / "x.csv", deferrable=False))

            assert Path(path).read_bytes() == other
            assert fetches(pbx) == ["", "", ""]

    def test_another_part_than_the_one_asked_for_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        with serving(monkeypatch, tmp_path, BIG, serves_ranges=True) as pbx:
            pbx.faults.add(Fault("truncated", value=600_000), Fault("other range"))
            path, _ = run_task(operator(out / "x.csv", deferrable=False))

            assert Path(path).read_bytes() == BIG
            assert fetches(pbx) == ["", "bytes=600000-", ""]
