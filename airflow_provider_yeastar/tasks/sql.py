"""From an Airflow connection of a database to SQLAlchemy's engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_yeastar.compat import AirflowException
from airflow_provider_yeastar.hooks.connection import airflow_errors
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.redaction import clean_text

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

__all__ = ["sql_engine"]


@contextmanager
def sql_engine(sql_conn_id: str) -> Iterator[Engine]:
    """Give the engine of a connection's own hook; at the end its connections to the database are closed.

    :param sql_conn_id: id of the Airflow connection of the database.
    :raises InvalidRequestError: when the connection is no database's, or a library is missing.
    :raises MissingConnectionError: when Airflow does not give it, which may pass.
    """
    with airflow_errors(sql_conn_id, "sql_conn_id", "of the database's type"):
        connection = YeastarHook.get_connection(sql_conn_id)
    try:
        hook = connection.get_hook()
    except (AirflowException, ImportError) as error:
        raise InvalidRequestError(
            f"No Airflow provider for the database of `sql_conn_id` {sql_conn_id!r} is installed here: "
            f"{clean_text(error)}",
            remedy="Install it, for instance apache-airflow-providers-postgres, or correct the connection's type.",
        ) from None
    if not hasattr(hook, "get_sqlalchemy_engine"):
        raise InvalidRequestError(f"The connection {sql_conn_id!r} of `sql_conn_id` is no SQL database's")
    try:
        # Errors quote statements, but never values.
        engine: Engine = hook.get_sqlalchemy_engine(engine_kwargs={"hide_parameters": True})
    except ImportError as error:
        raise InvalidRequestError(
            f"The database of {sql_conn_id!r} needs a library that is not installed here: {error.name}",
            remedy="pip install 'airflow-provider-yeastar[sql]' and the driver of the database.",
        ) from None
    try:
        yield engine
    finally:
        engine.dispose()
