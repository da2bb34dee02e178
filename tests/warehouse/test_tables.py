"""Tables in the dialects of warehouses that no server is at hand for: their statements are compiled, not run."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from airflow_provider_yeastar.schemas.reports import REPORT_COLUMNS
from airflow_provider_yeastar.warehouse.rules import sql_names
from airflow_provider_yeastar.warehouse.tables import ORIGIN, add_column, report_table

DIALECTS = {
    "mssql": ("sqlalchemy.dialects.mssql.base", "MSDialect"),
    "redshift": ("sqlalchemy_redshift.dialect", "RedshiftDialect_psycopg2"),
    "snowflake": ("snowflake.sqlalchemy.snowdialect", "SnowflakeDialect"),
    "bigquery": ("sqlalchemy_bigquery.base", "BigQueryDialect"),
    "postgresql": ("sqlalchemy.dialects.postgresql.psycopg2", "PGDialect_psycopg2"),
    "mysql": ("sqlalchemy.dialects.mysql.pymysql", "MySQLDialect_pymysql"),
    "sqlite": ("sqlalchemy.dialects.sqlite.pysqlite", "SQLiteDialect_pysqlite"),
}


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> Any:
    module, name = DIALECTS[request.param]
    try:
        return getattr(importlib.import_module(module), name)()
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")


@pytest.fixture(params=["queueagentperformance", "unreturnmisscall", "extcallbillingdetails"])
def table(request: pytest.FixtureRequest) -> sa.Table:
    columns = REPORT_COLUMNS[request.param]
    return report_table("order", "calls", columns, sql_names([column.key for column in columns], ORIGIN))


def test_every_statement_is_known_to_the_dialect(dialect: Any, table: sa.Table) -> None:
    where = sa.and_(table.c.report == "x", table.c.selection == "y")
    statements = [
        CreateTable(table),
        table.delete().where(where),
        table.insert(),
        sa.select(sa.func.count()).select_from(table).where(where),
        sa.select(table.c.source_sha256).where(where).distinct(),
        add_column(table, next(column for column in table.columns if column.name not in ORIGIN), dialect),
    ]
    compiled = [str(statement.compile(dialect=dialect)) for statement in statements]

    assert all(compiled)
    # A reserved word is quoted wherever it stands.
    quoted = dialect.identifier_preparer.format_table(table)
    assert all(quoted in statement for statement in compiled)
    assert quoted.split(".")[-1] != "order"


def test_types_are_wide_enough_in_every_dialect(dialect: Any, table: sa.Table) -> None:
    created = str(CreateTable(table).compile(dialect=dialect)).upper()
    wide = {"redshift": "VARCHAR(65535)", "bigquery": "STRING", "mssql": "NVARCHAR(MAX)"}
    assert wide.get(dialect.name, "TEXT") in created
    assert "BIGINT" in created or "INT64" in created
