"""StoringTask: what operators have in common that put a file at its destination and tell of it.

RowsFileTask: the same of those that write the file themselves, from typed rows.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.compat import Asset
from airflow_provider_yeastar.exceptions import DestinationError, FewerRowsError, TaskKilledError
from airflow_provider_yeastar.pbx.errors import YeastarError
from airflow_provider_yeastar.pbx.files.shrink import Replacement, check_tolerance, period_start
from airflow_provider_yeastar.pbx.report.parameters import is_open
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.tasks.on_empty import check_on_empty, refuse_empty_report
from airflow_provider_yeastar.tasks.templates import check_rendered_name
from airflow_provider_yeastar.tasks.waiting import WaitingTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context, ObjectStoragePath, OperatorLineage
    from airflow_provider_yeastar.files.storage import ReceivedFile, StoredFile
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.schemas.schema import SchemaRows
    from airflow_provider_yeastar.tasks.record import ReportRecord

__all__ = ["RowsFileTask", "StoringTask"]

log = logging.getLogger(__name__)

_UPLOADS = 3


class StoringTask(WaitingTask):
    """A task whose file is told of by one record: in XCom, in asset events, in lineage.

    :param destination: a file, or a directory when it ends in ``/``; a local path or any ObjectStoragePath. The file's
        name in a directory is made from connection and request, so that a re-run replaces its own file.
    :param overwrite: False leaves a file that is there already and returns its path: the PBX is not asked, and there is
        no XCom ``report``. A file that appears while the task is at work is left alone too.
    :param on_empty: what to do about a report without a row: ``ok`` keeps it, ``skip`` skips and ``fail`` fails the
        task, and both store nothing.
    :param on_empty_remove: what ``skip`` and ``fail`` do about an earlier run's file at the destination: False keeps
        it, and names it in the log and in the XCom ``earlier_file``; True removes it, with its metadata.
    :param allow_shrink: True replaces a file by one with fewer rows in any case. With False the task fails, and the
        file stays, if the new one is empty, or if the PBX no longer has the calls of the whole period.
    :param shrink_tolerance: also fail if more than this share of the rows would go, from 0 to 1; None for any.
    """

    template_fields: Sequence[str] = (*WaitingTask.template_fields, "destination")

    def __init__(
        self,
        *,
        destination: str | os.PathLike[str] | ObjectStoragePath,
        overwrite: bool = True,
        on_empty: str = "ok",
        on_empty_remove: bool = False,
        allow_shrink: bool = False,
        shrink_tolerance: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_on_empty(on_empty)
        check_tolerance(shrink_tolerance)
        self.destination = destination
        self._destination_given = str(destination)
        self.overwrite = overwrite
        self.on_empty = on_empty
        self.on_empty_remove = on_empty_remove
        self.allow_shrink = allow_shrink
        self.shrink_tolerance = shrink_tolerance

    def check_templates(self) -> None:
        """Reject arguments that rendered to nothing, and a destination that is none or of which a part is nothing.

        :raises InvalidRequestError: with the argument and its template.
        :raises DestinationError: if this Airflow does not reach the destination's object store.
        """
        from airflow_provider_yeastar.files import storage  # not needed to parse a DAG file

        super().check_templates()
        check_rendered_name("destination", self.destination, self._destination_given)
        storage.require_store(self.path_of("report"))
        self.record: ReportRecord | None = None

    def path_of(self, file_name: str) -> str:
        """Return where a file goes.

        :param file_name: its name in a directory.
        :raises InvalidDestinationError: if the destination names no file.
        """
        from airflow_provider_yeastar.files import storage  # not needed to parse a DAG file

        return storage.resolve_path(self.destination, file_name)

    def keeps_file(self, path: str) -> bool:
        """Whether there is a file at a path that ``overwrite=False`` leaves alone."""
        from airflow_provider_yeastar.files import storage  # not needed to parse a DAG file

        if self.overwrite or not storage.exists(path):
            return False
        self.log.info("%s is there already and `overwrite` is False; it is left alone.", path)
        return True

    def end_without_rows(self, context: Context, path: str) -> None:
        """End the task of a report without a row, as ``on_empty`` says, and see to an earlier run's file.

        :param context: of the task.
        :param path: where the file would go.
        :raises AirflowSkipException: for skip.
        :raises EmptyReportError: for fail.
        """
        from airflow_provider_yeastar.files import storage  # not needed to parse a DAG file

        if self.on_empty != "ok" and storage.exists(path):
            if self.on_empty_remove:
                storage.remove(path)
                storage.remove(storage.sidecar_path(path))
                log.info("Removed %s, which an earlier run had stored: the report holds no row now.", path)
            else:
                log.warning("%s is of an earlier run and stays, though the report holds no row now.", path)
                context["ti"].xcom_push(key="earlier_file", value=path)
        refuse_empty_report(self.on_empty)

    def refuse_fewer_rows(self, client: PbxClient, path: str, record: ReportRecord) -> None:
        """Keep a file from being replaced by one with fewer rows, where the PBX may have forgotten some since.

        The PBX is asked for its oldest call only if rows would go.

        :param client: of the PBX.
        :param path: of the file.
        :param record: of the new one, with its rows.
        :raises FewerRowsError: when it must not be replaced.
        """
        if self.allow_shrink or record.rows is None:
            return
        from airflow_provider_yeastar.files.counting import earlier_rows  # not needed to parse a DAG file

        old = earlier_rows(path, record.format, record.to_dict())
        replacement = Replacement(old or 0, record.rows, self.shrink_tolerance)
        if not replacement.is_smaller:
            return
        refusal = replacement.refusal() or self._forgotten(client, replacement, record)
        if refusal:
            raise FewerRowsError(f"{path} was not replaced, {replacement.counts}: {refusal}", pbx=client.address)
        log.warning("%s is replaced, %s; the PBX still has all calls of the period.", path, replacement.counts)

    def _forgotten(self, client: PbxClient, replacement: Replacement, record: ReportRecord) -> str | None:
        """Say whether the PBX has forgotten calls of the period, or does not tell; None if it has them all."""
        try:
            oldest = run_on_worker(client.oldest_call(), lambda: self.killed)
        except TaskKilledError:
            raise
        except YeastarError as error:
            # Not to be taken for an error of the download, which would fetch the file again.
            return f"the PBX does not tell its oldest call ({error.what})"
        return replacement.refusal_by_age(period_start(record.window, record.timezone), oldest)

    def publish(self, received: ReceivedFile, metadata: str | None = None) -> None:
        """Put a file at its destination; an upload that fails is tried again with the file that is there already.

        :param received: the whole file, in its temporary place.
        :param metadata: content of its sidecar, None for none.
        :raises DestinationError: when the last try failed.
        """
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.pbx.waiting.bounds import Setbacks
        from airflow_provider_yeastar.pbx.waiting.retrying import retrying_blocking

        for attempt in retrying_blocking(
            Setbacks(most=_UPLOADS - 1),
            may_pass=lambda error: isinstance(error, DestinationError) and os.path.exists(received.temporary),
            sleep=lambda seconds: run_on_worker(asyncio.sleep(seconds), lambda: self.killed),
            then="The file is stored once more",
        ):
            with attempt:
                received.put_in_place(metadata)

    def tell(self, context: Context, record: ReportRecord) -> None:
        """Write a file's record to the XCom ``report`` and to the asset events of the task's outlets.

        :param context: of the task.
        :param record: of the file; it is kept for OpenLineage, which asks for it when the task has ended.
        """
        self.record = record
        context["ti"].xcom_push(key="report", value=record.to_dict())
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra.update(record.asset_extra)

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Any, Any] | None:
        """Return the lineage of the file that was stored, None without one; for Airflow's OpenLineage provider."""
        return self.record.to_lineage() if self.record else None


class RowsFileTask(StoringTask):
    """A task that writes typed rows to a file.

    :param file_format: ``ndjson`` or ``parquet``.
    """

    template_fields: Sequence[str] = (*StoringTask.template_fields, "file_format")

    def __init__(self, *, file_format: str = "ndjson", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file_format = file_format
        if not is_open(file_format):
            from airflow_provider_yeastar.files.rows import check_row_format  # not needed by tasks without rows

            check_row_format(file_format)

    def check_writer(self) -> None:
        """Refuse a format that does not exist, or that this machine cannot write.

        :raises InvalidRequestError: one sentence.
        """
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files.rows import check_row_format, require_writer

        check_row_format(self.file_format)
        require_writer(self.file_format)

    def rows_path(self, stem: str) -> str:
        """Return the path of the file.

        :param stem: its name in a directory, without the extension.
        """
        return self.path_of(f"{stem}.{self.file_format}")

    def store_rows(
        self,
        context: Context,
        client: PbxClient,
        rows: SchemaRows,
        path: str,
        record_of: Callable[[StoredFile], ReportRecord],
        first: ReceivedFile | None = None,
    ) -> str:
        """Write rows to their file and tell of it; without a row ``on_empty`` decides.

        :param context: of the task.
        :param client: of the PBX.
        :param rows: in their schema; they are gone over once.
        :param path: from :meth:`rows_path`.
        :param record_of: makes the record of the file.
        :param first: a file that belongs to the rows; it is published before theirs, so that who finds them finds it.
        :return: the path.
        :raises TaskKilledError: when the task was killed meanwhile.
        """
        if not rows.count:
            self.end_without_rows(context, path)
        with self.received_rows(rows, path) as received:
            if self.keeps_file(path):
                return path
            record = record_of(received.stored)
            self.refuse_fewer_rows(client, path, record)
            if first:
                self.publish(first)
            self.publish(received)
        self.tell(context, record)
        return path

    @contextmanager
    def received_rows(self, rows: SchemaRows, path: str) -> Iterator[ReceivedFile]:
        """Write rows to a temporary file, which lies there for the time of the ``with``.

        :param rows: in their schema; they are gone over once.
        :param path: where they are to go.
        """
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files import storage
        from airflow_provider_yeastar.files.rows import RowsDigest, encoded_rows

        chunks = self._until_killed(encoded_rows(rows.columns, rows, self.file_format))
        with storage.receive(chunks, path, RowsDigest()) as received:
            yield received

    def _until_killed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self.killed:
                raise TaskKilledError("The task was killed while it wrote its rows")
            yield chunk
