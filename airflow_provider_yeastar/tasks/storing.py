"""StoringTask: what operators have in common that put a file at its destination and tell of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.compat import Asset
from airflow_provider_yeastar.files import storage
from airflow_provider_yeastar.tasks.on_empty import check_on_empty
from airflow_provider_yeastar.tasks.waiting import WaitingTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context, ObjectStoragePath, OperatorLineage
    from airflow_provider_yeastar.tasks.record import ReportRecord

__all__ = ["StoringTask"]


class StoringTask(WaitingTask):
    """A task whose file is told of by one record: in XCom, in asset events, in lineage.

    :param destination: a file, or a directory when it ends in ``/``; a local path or any ObjectStoragePath. The file's
        name in a directory is made from connection and request, so that a re-run replaces its own file.
    :param overwrite: False leaves a file that is there already and returns its path: the PBX is not asked, and there is
        no XCom ``report``. A file that appears while the task is at work is left alone too.
    :param on_empty: what to do about a report without a row: ``ok`` keeps it, ``skip`` skips and ``fail`` fails the
        task, and both leave nothing at the destination.
    """

    template_fields: Sequence[str] = (*WaitingTask.template_fields, "destination")

    def __init__(
        self,
        *,
        destination: str | os.PathLike[str] | ObjectStoragePath,
        overwrite: bool = True,
        on_empty: str = "ok",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_on_empty(on_empty)
        self.destination = destination
        self.overwrite = overwrite
        self.on_empty = on_empty
        self.record: ReportRecord | None = None

    def keeps_file(self, path: str) -> bool:
        """Whether there is a file at a path that ``overwrite=False`` leaves alone."""
        if self.overwrite or not storage.exists(path):
            return False
        self.log.info("%s is there already and `overwrite` is False; it is left alone.", path)
        return True

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
