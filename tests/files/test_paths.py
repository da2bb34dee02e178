"""Where a file goes, as a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_yeastar.exceptions import InvalidDestinationError
from airflow_provider_yeastar.files.paths import as_folder, is_temporary, resolve_path, temporary_name


class TestResolvePath:
    @pytest.mark.parametrize(
        ("destination", "expected"),
        [
            pytest.param("/data/x.csv", "/data/x.csv", id="a file"),
            pytest.param("/data/", "/data/name.csv", id="a directory"),
            pytest.param("/data/a/../x.csv", "/data/x.csv", id="a path with dots"),
            pytest.param("file:///data/", "/data/name.csv", id="a file URL"),
            pytest.param("file://localhost/data/x.csv", "/data/x.csv", id="a file URL with localhost"),
            pytest.param("s3://conn@lake/pbx/", "s3://conn@lake/pbx/name.csv", id="a directory in a bucket"),
            pytest.param("s3://conn@lake/pbx/x.csv", "s3://conn@lake/pbx/x.csv", id="an object"),
            pytest.param("gs://lake/", "gs://lake/name.csv", id="a bucket's root"),
            pytest.param("s3://conn@lake/x@1.csv", "s3://conn@lake/x@1.csv", id="an object with an at sign"),
            pytest.param("s3://lake/me@home/", "s3://lake/me@home/name.csv", id="a directory with an at sign"),
        ],
    )
    def test_a_destination_gives_the_path_of_the_file(self, destination: str, expected: str) -> None:
        assert resolve_path(destination, "name.csv") == expected

    def test_a_relative_destination_becomes_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert resolve_path("out/", "name.csv") == f"{tmp_path}/out/name.csv"

    @pytest.mark.parametrize(
        ("destination", "words"),
        [
            pytest.param("", "empty", id="empty"),
            pytest.param("/data/x\0.csv", "control character.*NUL", id="NUL"),
            pytest.param("/data/x.csv\n", "control character", id="a line break at the end"),
            pytest.param("s3://conn@lake/x.csv\n", "control character", id="a line break behind a key"),
            pytest.param("s3://conn@lake/a\x01b.csv", "control character", id="a control character in a key"),
            pytest.param("/data/\u2028/", "control character", id="a line separator"),
            pytest.param("~/x.csv", "another directory for each worker", id="home"),
            pytest.param("~airflow/", "another directory for each worker", id="another's home"),
            pytest.param("file://data/x.csv", "lacks a slash", id="file URL with two slashes"),
            pytest.param("s3://conn@lake", "names a bucket but no file", id="bucket alone"),
            pytest.param("simplecache::s3://lake/x.csv", "no URL that ObjectStoragePath knows", id="chained URL"),
        ],
    )
    def test_what_names_no_file_is_refused(self, destination: str, words: str) -> None:
        with pytest.raises(InvalidDestinationError, match=words):
            resolve_path(destination, "name.csv")


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("/data", "/data/"),
        ("/data/", "/data/"),
        (Path("/data"), "/data/"),
        ("s3://conn@lake", "s3://conn@lake/"),
        ("", ""),
    ],
)
def test_a_folder_may_lack_its_slash(destination: str | Path, expected: str) -> None:
    assert as_folder(destination) == expected


def test_a_temporary_name_is_known_as_one_of_ours() -> None:
    assert is_temporary(temporary_name())
    assert temporary_name() != temporary_name()


@pytest.mark.parametrize(
    "name", [".yeastar-.part", ".yeastar-0123456789abcdef.partial", "x.csv", ".nfs-0123456789abcdef"]
)
def test_no_other_name_is(name: str) -> None:
    assert not is_temporary(name)
