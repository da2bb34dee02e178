from __future__ import annotations

import pytest

from airflow_provider_yeastar.tasks.record import _dataset


@pytest.mark.parametrize(
    ("path", "dataset"),
    [
        ("/data/x.csv", ("file", "/data/x.csv")),
        ("s3://lake/pbx/x.csv", ("s3://lake", "pbx/x.csv")),
        ("s3://conn@lake/pbx/x.csv", ("s3://lake", "pbx/x.csv")),
        ("s3://lake/night@berlin/x.csv", ("s3://lake", "night@berlin/x.csv")),
        ("s3://conn@lake/night@berlin/x@1.csv", ("s3://lake", "night@berlin/x@1.csv")),
    ],
)
def test_lineage_names_a_file_by_its_bucket_and_key_without_the_connection(path: str, dataset: tuple[str, str]) -> None:
    assert _dataset(path) == dataset
