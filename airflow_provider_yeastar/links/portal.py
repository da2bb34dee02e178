"""YeastarPortalLink: from a task in Airflow's UI to the web portal of the PBX that it asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.compat import BaseOperatorLink
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import YeastarError

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context, TaskInstanceKey

__all__ = ["YeastarPortalLink", "publish_portal_link"]

_XCOM_KEY = "yeastar_portal"


class YeastarPortalLink(BaseOperatorLink):
    """The button "PBX web portal" of a task: the portal's start page, as the path of its report page is not documented.

    The task itself writes the URL to XCom, see :func:`publish_portal_link`. Airflow 3 reads it there by ``xcom_key``,
    Airflow 2.11 through :meth:`get_link`: neither web server looks up a connection.
    """

    name = "PBX web portal"

    @property
    def xcom_key(self) -> str:
        return _XCOM_KEY

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the portal's URL.

        :param operator: is not looked at.
        :param ti_key: of the task instance.
        :return: empty when the task has published none: Airflow then shows the button disabled.
        """
        # Airflow 3 loads the whole of its inter-process communication with it, which no DAG file needs.
        from airflow_provider_yeastar.compat import XCom

        return XCom.get_value(ti_key=ti_key, key=_XCOM_KEY) or ""


def publish_portal_link(context: Context, yeastar_conn_id: str) -> None:
    """Write to XCom where the PBX's portal is: scheme, host and port of the connection, nothing else.

    To be called before anything can fail or wait: that is when a person looks for the portal. What is wrong with the
    connection is not said here: the task says it when it asks the PBX, and a task that need not ask does not fail.

    :param context: of the task.
    :param yeastar_conn_id: id of the task's Airflow connection.
    """
    try:
        url = YeastarHook(yeastar_conn_id).get_portal_url()
    except YeastarError:
        return
    context["ti"].xcom_push(key=_XCOM_KEY, value=url)
