"""What each argument of a task means: the one source of the ``:param`` lines, which `make reference` writes.

The docstrings stand in the source, where editors show them. A change belongs here, and so does a new argument.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ARGUMENTS", "DOCUMENTED", "OTHERWISE", "rewritten", "write"]

PACKAGE = Path(__file__).parent.parent.parent / "airflow_provider_yeastar"
WIDTH = 120

ARGUMENTS = {
    "report_type": "str, the vendor's name of a built-in report, such as ``queueperformance``; docs/reports.md lists "
    "them. Give exactly one of this, ``my_report_id`` and ``scheduled_report_id``.",
    "my_report_id": "int or text of digits, id of a user-created report; :meth:`.YeastarHook.list_my_reports` lists "
    "them.",
    "scheduled_report_id": "int or text of digits, id of a report that the PBX made on a schedule; "
    ":meth:`.YeastarHook.list_scheduled_reports` lists them. Period and format are those of the schedule.",
    "period": "str, by the PBX's clock: a day ``2026-11-22``, a month ``2026-11`` or a year ``2026``; or in words, "
    "counted from the DAG run: ``today``, ``yesterday``, ``last_7_days``, ``last_30_days``, ``this_month``, "
    "``last_month``, ``this_year``, ``last_year``; or an Airflow partition key at midnight.",
    "start_time": "datetime or ISO 8601 text, first second of the time window, instead of ``period``. With a UTC "
    "offset it needs ``timezone`` in the connection; without one it is by the PBX's clock.",
    "end_time": "datetime or ISO 8601 text, last second of the time window, inclusive; offsets as for ``start_time``. "
    "If the window is a whole number of minutes long, as from ``data_interval_start`` to ``data_interval_end``, the "
    "request ends one second earlier: the next window begins there.",
    "parameters": "mapping of the vendor's parameter names to values, lists and bools as in Python. Of ids, an int is "
    "an internal id; a text is a dialled number or a name, or an id if it is neither. docs/reports.md lists all.",
    "check_ids": "bool, default ``True``; False sends ids as they are given, without looking them up on the PBX.",
    "file_format": "str, default ``csv``; or ``xls``, ``pdf``, ``html``. A scheduled report has its schedule's format, "
    "which must be this one.",
    "duration_format": "str, how the file writes durations, default ``seconds``; or ``hhmmss``.",
    "destination": "str, pathlib path or ObjectStoragePath of a file; or a text that ends in ``/`` for a directory. "
    "The file name in a directory is made from connection and request, so that a rerun replaces its own file only.",
    "overwrite": "bool, default ``True``; False keeps an existing file and returns its path. The task then does not "
    "ask the PBX, pushes no XCom ``report`` and adds nothing to asset events. A file that appears while the task runs "
    "is kept too.",
    "on_empty": "str, what to do if the report has no rows, default ``ok``: keep it. ``skip`` skips and ``fail`` fails "
    "the task; both leave nothing at the destination. pdf and xls support ``ok`` only. If the PBX makes no file of an "
    "empty report (60001), the task fails with ``ok`` too.",
    "on_empty_remove": "bool, default ``False``; True removes an earlier run's file from the destination if "
    "``on_empty`` skips or fails the task. Otherwise the log and the XCom ``earlier_file`` name it.",
    "allow_shrink": "bool, default ``False``: fail rather than replace a file by one with fewer rows if the new one is "
    "empty or the PBX no longer has all calls of the period. True replaces it in any case.",
    "shrink_tolerance": "float from 0 to 1, default None: also fail if more than this share of the rows would go.",
    "max_bytes": "int, largest accepted file in bytes, default 4 GiB; None for no limit.",
    "write_metadata": "bool, default ``False``; True also writes the XCom ``report`` as JSON next to the file, with "
    "``.report.json`` appended to its name. It is written after the file; its sha256 tells which file it describes.",
    "asynchronous": "bool, default ``None``: request by event if the connection is ``exclusive``, else synchronously. "
    "True always requests in the background, False synchronously; docs/hosts.md explains when an event is believed.",
    "api_version": "str, ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's if left out.",
    "wait_timeout": "seconds or timedelta from taking the lock on the PBX to the report's URL, default ``1800``.",
    "queue_timeout": "seconds or timedelta to wait for the lock on the PBX while other reports run, default ``21600``.",
    "deferrable": "bool; True waits in the triggerer, False on the worker. Airflow's ``[operators] "
    "default_deferrable`` if left out.",
    "yeastar_conn_id": "str, id of the Airflow connection, default ``yeastar_default``.",
    "timeout": "seconds or timedelta for the whole wait, in both modes; Airflow's ``[sensors] default_timeout`` if "
    "left out. ``queue_timeout`` and ``wait_timeout`` hold within it.",
    "soft_fail": "bool, default ``False``; True skips the task after a timeout, in both modes. Any other error fails "
    "it.",
    "mode": "str, only ``poke``, the default; use ``deferrable`` to wait without a worker slot.",
    "columns": "mapping of column keys to ``text``, ``integer``, ``decimal``, ``duration``, ``percent`` or "
    "``timestamp``: the columns of a user-created report, or other types than the schema's.",
    "on_schema_change": "str, default ``evolve``: keep columns that the schema does not have, typed by their names; "
    "``drop`` leaves them out; ``freeze`` fails the task for a new or vanished column. The log and ``unknown_columns`` "
    "in XCom ``report`` name them.",
    "protect": "mapping of columns to ``hmac`` (HMAC-SHA256 in hex, keyed by the connection's ``protect_secret``), "
    "``mask`` (all but the last three characters) or ``drop``, default none. Covers columns derived from them, such as "
    "``caller_number`` from ``caller``.",
    "filters": "mapping of the vendor's filters to texts, numbers or lists of them, such as "
    '``{"call_from": "1001"}``; docs/calls.md lists them. Of ids, names and dialled numbers do.',
    "sql_conn_id": "str, id of the Airflow connection of the database; any whose hook offers SQLAlchemy.",
    "table": "str, name of the table; it is created if it is not there, and gets columns that it lacks.",
    "schema": "str, the database's schema of the table; the connection's if left out.",
    "replace": "str, default ``selection``: replace the rows of the same filters; ``period`` replaces those of any.",
    "lookback": "int, default ``0``: read so many earlier periods of the same length again, and replace those that "
    "changed.",
    "legs": "bool, default ``False``; True writes the legs of the calls of v2.0 to a second file beside the first, "
    "``_legs`` behind its name. That is one request for each call; a try that was stopped is gone on with, unless "
    "``protect`` hides columns. Rows of v1.0 are legs already.",
    "concurrency": "int from 1 to 4, default ``1``: how many files to fetch at a time. Their URLs are asked for one at "
    "a time in any case.",
    "report": "mapping, the sensor's return value: ``sensor.output``.",
}

_OPERATORS = "operators/call_report.py"
_DOWNLOAD = f"{_OPERATORS}:YeastarDownloadReportOperator"
_ROWS = "operators/report_rows.py:YeastarCallReportRowsOperator"
_CDR = "operators/cdr.py:YeastarCdrOperator"
_SQL = "transfers/to_sql.py:YeastarReportToSqlOperator"
_CDR_SQL = "transfers/cdr_to_sql.py:YeastarCdrToSqlOperator"
_RECORDINGS = "operators/recordings.py:YeastarRecordingsOperator"
_CALLS = "hooks/yeastar.py:YeastarHook.iter_calls"
_HOOK = "hooks/yeastar.py:YeastarHook.get_report_rows"
_ONE_OF_TWO = ARGUMENTS["report_type"].replace(
    "this, ``my_report_id`` and ``scheduled_report_id``", "this and ``my_report_id``"
)

_WHICH = ("report_type", "my_report_id", "scheduled_report_id", "period", "start_time", "end_time", "parameters",
          "check_ids", "file_format", "duration_format")  # fmt: skip
_SHRINK = ("on_empty_remove", "allow_shrink", "shrink_tolerance")
_WHERE = ("destination", "overwrite", "on_empty", *_SHRINK, "max_bytes", "write_metadata")
_HOW_LONG = ("wait_timeout", "queue_timeout", "deferrable", "yeastar_conn_id")
_WHICH_ROWS = ("report_type", "my_report_id", "period", "start_time", "end_time", "parameters", "check_ids",
               "api_version")  # fmt: skip
_TABLE = ("sql_conn_id", "table", "schema", "replace", "lookback", "on_empty", "allow_shrink", "shrink_tolerance")

DOCUMENTED = {
    f"{_OPERATORS}:YeastarCallReportOperator": (*_WHICH, *_WHERE, "asynchronous", "api_version", *_HOW_LONG),
    _DOWNLOAD: ("report", *_WHERE, *_HOW_LONG),
    _ROWS: (*_WHICH_ROWS, "file_format", "destination", "overwrite", "on_empty", *_SHRINK, "columns",
            "on_schema_change", "protect", "wait_timeout", "queue_timeout", "yeastar_conn_id"),
    "sensors/call_report.py:YeastarCallReportSensor": (
        *_WHICH, "asynchronous", "api_version", *_HOW_LONG, "timeout", "soft_fail", "mode"
    ),
    _CDR: ("period", "start_time", "end_time", "filters", "api_version", "legs", "file_format", "destination",
           "overwrite", "on_empty", *_SHRINK, "on_schema_change", "protect", "wait_timeout", "yeastar_conn_id"),
    _SQL: (*_WHICH_ROWS, *_TABLE, "columns", "on_schema_change", "protect", "wait_timeout", "queue_timeout",
           "yeastar_conn_id"),
    _CDR_SQL: ("period", "start_time", "end_time", "filters", "api_version", *_TABLE, "on_schema_change", "protect",
               "wait_timeout", "yeastar_conn_id"),
    _RECORDINGS: ("period", "start_time", "end_time", "filters", "destination", "file_format", "concurrency",
                  "max_bytes", "overwrite", "on_empty", *_SHRINK, "on_schema_change", "protect", "wait_timeout",
                  "yeastar_conn_id"),
    _CALLS: ("period", "start_time", "end_time", "filters", "api_version", "wait_timeout"),
    _HOOK: (*_WHICH_ROWS, "columns", "wait_timeout", "queue_timeout"),
}  # fmt: skip
"""The arguments of each class or method, in the order of its docstring."""

_TABLE_SHRINKS = ARGUMENTS["allow_shrink"].replace("replace a file", "replace a period")
_TABLE_EVOLVES = ARGUMENTS["on_schema_change"].replace(
    "keep columns that the schema does not have", "add columns that the table does not have"
)

OTHERWISE = {
    (_DOWNLOAD, "wait_timeout"): "seconds or timedelta from taking the lock on the PBX to the report's URL, if it is "
    "requested again, and for a login; default ``1800``.",
    (_DOWNLOAD, "queue_timeout"): "seconds or timedelta to wait for the lock on the PBX, if the report is requested "
    "again; default ``21600``.",
    (_DOWNLOAD, "yeastar_conn_id"): "str, id of the Airflow connection; the sensor's if left out. One in "
    "``default_args`` counts as given. It must lead to the sensor's PBX.",
    (_ROWS, "report_type"): _ONE_OF_TWO,
    (_ROWS, "file_format"): "str, default ``ndjson``, one JSON object a line; or ``parquet``, with the extra "
    "``parquet``.",
    (_ROWS, "on_empty"): "str, what to do if the report has no rows, default ``ok``: write a file without rows. "
    "``skip`` skips and ``fail`` fails the task; both leave nothing at the "
    "destination.",
    (_ROWS, "wait_timeout"): "seconds or timedelta from taking the lock on the PBX to the rows, default ``1800``.",
    (_SQL, "report_type"): _ONE_OF_TWO,
    (_SQL, "replace"): ARGUMENTS["replace"].replace("filters", "parameters"),
    (_SQL, "on_empty"): "str, what to do if the report has no rows, default ``ok``: an empty answer, which never "
    "replaces rows. ``skip`` skips and ``fail`` fails the task, before the table is touched.",
    (_SQL, "allow_shrink"): _TABLE_SHRINKS,
    (_SQL, "on_schema_change"): _TABLE_EVOLVES,
    (_SQL, "wait_timeout"): "seconds or timedelta from taking the lock on the PBX to the rows, default ``1800``; also "
    "how long to wait for another load of the table.",
    (_CDR, "api_version"): "str, ``auto``, ``v1.0`` or ``v2.0`` of the CDR interface; the connection's if left out.",
    (_CDR, "file_format"): "str, default ``ndjson``, one JSON object a line; or ``parquet``, with the extra "
    "``parquet``.",
    (_CDR, "overwrite"): "bool, default ``True``; False keeps an existing file and returns its path, without asking "
    "the PBX for calls.",
    (_CDR, "on_empty"): "str, what to do if there are no calls, default ``ok``: write a file without rows. ``skip`` "
    "skips and ``fail`` fails the task; both leave nothing at the destination.",
    (_CDR, "wait_timeout"): "seconds or timedelta within which transient errors are retried, default ``1800``.",
    (_CDR_SQL, "api_version"): "str, ``auto``, ``v1.0`` or ``v2.0`` of the CDR interface; the connection's if left "
    "out. Name it if the PBX's firmware may be updated: rows of both do not go into one table.",
    (_CDR_SQL, "on_empty"): "str, what to do if there are no calls, default ``ok``: an empty answer, which never "
    "replaces rows. ``skip`` skips and ``fail`` fails the task, before the table is touched.",
    (_CDR_SQL, "allow_shrink"): _TABLE_SHRINKS,
    (_CDR_SQL, "on_schema_change"): _TABLE_EVOLVES,
    (_CDR_SQL, "wait_timeout"): "seconds or timedelta within which transient errors are retried, default ``1800``; "
    "also how long to wait for another load of the table.",
    (_RECORDINGS, "filters"): "mapping of ``caller`` and ``callee``, numbers, and ``ids``, recordings' ids, to texts, "
    "numbers or lists of them, default none.",
    (_RECORDINGS, "destination"): "str, pathlib path or ObjectStoragePath of the directory for recordings and "
    "manifest, with or without ``/`` at its end.",
    (_RECORDINGS, "file_format"): "str, of the manifest, default ``ndjson``, one JSON object a line; or ``parquet``, "
    "with the extra ``parquet``.",
    (_RECORDINGS, "max_bytes"): "int, largest accepted recording in bytes, default 4 GiB; None for no limit. A larger "
    "one fails the task after the others are stored.",
    (_RECORDINGS, "overwrite"): "bool, default ``True``; False returns the path of a manifest that is there, without "
    "asking the PBX for recordings.",
    (_RECORDINGS, "on_empty"): "str, what to do if there are no recordings, default ``ok``: write a manifest without "
    "rows. ``skip`` skips and ``fail`` fails the task; both leave nothing at the destination.",
    (_RECORDINGS, "on_empty_remove"): "bool, default ``False``; True removes an earlier run's manifest, not its "
    "recordings, if ``on_empty`` skips or fails the task. Otherwise the log and the XCom ``earlier_file`` name it.",
    (_RECORDINGS, "allow_shrink"): "bool, default ``False``: fail rather than replace a manifest by one with fewer "
    "rows if the new one is empty or the PBX no longer has all calls of the period. True replaces it in any case. "
    "Recordings are never removed.",
    (_RECORDINGS, "protect"): "mapping of the manifest's columns to ``hmac`` (HMAC-SHA256 in hex, keyed by the "
    "connection's ``protect_secret``), ``mask`` (all but the last three characters) or ``drop``, default none. Covers "
    "columns derived from them, such as ``call_from_number`` from ``call_from``; either of ``call_from`` and "
    "``call_to`` also drops ``file``, unless that is named. Names of files hold no telephone numbers in any case.",
    (_RECORDINGS, "wait_timeout"): "seconds or timedelta for which transient errors are retried, from the start for "
    "the list and anew for each recording, a PBX that is busy with another one (70651) among them; default ``1800``.",
    (_CALLS, "period"): ARGUMENTS["period"].replace("counted from the DAG run", "counted from now"),
    (_CALLS, "api_version"): "str, ``auto``, ``v1.0`` or ``v2.0`` of the CDR interface; the connection's if left out.",
    (_CALLS, "wait_timeout"): "seconds within which transient errors are retried, default ``1800``.",
    (_HOOK, "report_type"): _ONE_OF_TWO,
    (_HOOK, "period"): ARGUMENTS["period"].replace("counted from the DAG run", "counted from now"),
    (_HOOK, "wait_timeout"): "seconds from taking the lock on the PBX to the rows, default ``1800``.",
    (_HOOK, "queue_timeout"): "seconds to wait for the lock on the PBX while other reports run, default ``21600``.",
}
"""What is different for one class or method."""


def rewritten(place: str) -> tuple[Path, str]:
    """Return a file of the package, and its content with the ``:param`` lines of one docstring written anew.

    :param place: a key of :data:`DOCUMENTED`.
    """
    name, _, dotted = place.partition(":")
    path = PACKAGE / name
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    docstring = _docstring(ast.parse("".join(lines)), dotted.split("."))
    first, last = docstring.lineno - 1, docstring.end_lineno or docstring.lineno
    begin = next(number for number in range(first, last) if lines[number].lstrip().startswith(":param "))
    end = next(number for number in range(begin, last) if lines[number].lstrip().startswith((":r", '"""')))
    lines[begin:end] = _params(place, " " * docstring.col_offset)
    return path, "".join(lines)


def _docstring(node: ast.AST, names: list[str]) -> ast.Constant:
    for name in names:
        node = next(
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.ClassDef | ast.FunctionDef) and child.name == name
        )
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    expression = node.body[0]
    assert isinstance(expression, ast.Expr)
    assert isinstance(expression.value, ast.Constant)
    return expression.value


def _params(place: str, indent: str) -> Iterator[str]:
    for name in DOCUMENTED[place]:
        text = OTHERWISE.get((place, name), ARGUMENTS[name])
        wrapped = textwrap.wrap(
            f":param {name}: {text}",
            WIDTH,
            initial_indent=indent,
            subsequent_indent=f"{indent}    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from (f"{line}\n" for line in wrapped)


def write() -> None:
    """Write all docstrings anew."""
    for place in DOCUMENTED:
        path, content = rewritten(place)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write()
