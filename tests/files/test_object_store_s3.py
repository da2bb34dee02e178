"""Files in S3, as moto's server speaks it, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files.storage import exists, open_stored, prepare, remove
from tests.docs.pages import blocks
from tests.files.stores import Bucket
from tests.files.support import CHUNKS, MIB, NEW, OLD, names, new_check, store, stored

LARGE = b"Queue,Total\n" + b"Support<6401>,12\n" * (12 * MIB // 17)


class TestS3:
    def test_a_small_and_a_large_file_arrive_whole(self, bucket: Bucket, staging: Path) -> None:
        for key, content in (("pbx/small.csv", NEW), ("pbx/large.csv", LARGE)):
            prepare(bucket.url(key))
            assert not exists(bucket.url(key))
            assert store([content], bucket.url(key), new_check(len(content))) == stored(bucket.url(key), content)
            assert exists(bucket.url(key))
        assert bucket.objects() == {"pbx/small.csv": NEW, "pbx/large.csv": LARGE}
        assert not exists(bucket.url("pbx"))
        assert names(staging) == []

    def test_a_sidecar_is_an_object_beside_it(self, bucket: Bucket, staging: Path) -> None:
        store(CHUNKS, bucket.url("x.csv"), new_check(), metadata="{}")
        assert bucket.objects() == {"x.csv": NEW, "x.csv.report.json": b"{}"}
        assert names(staging) == []

    def test_the_path_is_the_one_that_airflow_writes(self, bucket: Bucket) -> None:
        from airflow_provider_yeastar.compat import ObjectStoragePath

        stored_file = store(CHUNKS, bucket.url("pbx/x.csv"), new_check())
        assert str(ObjectStoragePath(stored_file.path)) == stored_file.path

    def test_an_upload_refused_half_way_leaves_the_old_object_and_no_parts(self, bucket: Bucket, staging: Path) -> None:
        store([OLD], bucket.url("x.csv"), new_check())
        bucket.gate.closed = True
        with pytest.raises(DestinationError, match=r"x.csv cannot be written: Access Denied"):
            store([LARGE], bucket.url("x.csv"), new_check())
        assert bucket.objects() == {"x.csv": OLD}
        assert bucket.unfinished_uploads() == []
        assert names(staging) == []

    @pytest.mark.parametrize(
        "key", ["[a]*/x.csv", "a//b.csv", "x y#1.csv", "50%25.csv", "ä/ß.csv", "a?b.csv", "x.csv?v=1"]
    )
    def test_a_key_is_written_as_it_is_named(self, bucket: Bucket, key: str) -> None:
        prepare(bucket.url(key))
        store(CHUNKS, bucket.url(key), new_check())

        assert exists(bucket.url(key))
        assert bucket.objects() == {key: NEW}

    def test_a_missing_bucket_is_a_clear_error(self, bucket: Bucket) -> None:
        path = f"s3://{bucket.connection}@no-such-bucket/x.csv"
        with pytest.raises(DestinationError, match=r"x.csv cannot be written: The specified bucket does not exist"):
            store(CHUNKS, path, new_check())


def test_a_file_can_be_read_and_removed(bucket: Bucket) -> None:
    store(CHUNKS, bucket.url("x.csv"), new_check())
    with open_stored(bucket.url("x.csv")) as file:
        assert file.read() == NEW
    for _ in range(2):
        remove(bucket.url("x.csv"))
    assert bucket.objects() == {}


def test_the_rule_for_unfinished_uploads_in_the_docs_is_one_that_s3_takes(bucket: Bucket) -> None:
    (block,) = blocks("json", containing="AbortIncompleteMultipartUpload")
    rule = json.loads(block.text)

    bucket.client.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration={"Rules": [rule]})

    assert bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"] == [rule]
