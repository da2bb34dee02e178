"""What is said of recordings that could not be had; how they are gathered is tested over real sockets."""

from __future__ import annotations

from airflow_provider_yeastar.files.gathering import failure_of
from airflow_provider_yeastar.pbx.errors import BadFileError, FileTooLargeError, NotFoundError, YeastarError

TOO_LARGE = FileTooLargeError("The PBX sent more than `max_bytes`", pbx="pbx:8088", endpoint="recording 12")
GONE = NotFoundError("The PBX answered DATA NOT FOUND", pbx="pbx:8088", errcode=60001)
BROKEN = BadFileError("The PBX lists 804 bytes and sent 3", pbx="pbx:8088", endpoint="recording 13")


def of(*failures: YeastarError) -> YeastarError:
    return failure_of(failures, 29)


def test_one_error_tells_how_many_and_why_one_of_them() -> None:
    assert str(of(BROKEN)).startswith(
        "1 of 29 recordings could not be stored, one because: The PBX lists 804 bytes and sent 3 (PBX pbx:8088, "
        "recording 13). The others are stored"
    )


def test_what_a_retry_may_mend_goes_first_so_that_airflow_retries() -> None:
    assert type(of(GONE, TOO_LARGE, BROKEN)) is BadFileError
    assert "3 of 29" in str(of(GONE, TOO_LARGE, BROKEN))


def test_else_the_first_goes() -> None:
    assert (type(of(GONE, TOO_LARGE)), of(GONE, TOO_LARGE).errcode) == (NotFoundError, 60001)


def test_a_limit_is_named_where_it_is_the_cause() -> None:
    assert "Raise the task's `max_bytes`." in str(of(TOO_LARGE))
    assert "max_bytes" not in str(of(BROKEN))
