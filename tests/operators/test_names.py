"""Names of our tasks beside those of Airflow's own base classes, which differ from version to version."""

from __future__ import annotations

import importlib

import pytest

from airflow_provider_yeastar.compat import BaseOperator
from airflow_provider_yeastar.get_provider_info import get_provider_info

OVERRIDDEN = {
    *("execute", "on_kill", "operator_extra_links", "pre_execute", "render_template", "_render_object_storage_path"),
    *("template_fields", "template_fields_renderers", "ui_color"),
}
"""What Airflow offers to be overridden, or what is overridden on purpose."""

INFO = get_provider_info()
MODULES = [name for kind in ("operators", "sensors") for entry in INFO[kind] for name in entry["python-modules"]]
TASKS = [
    found
    for module in (*MODULES, *(entry["python-module"] for entry in INFO["transfers"]))
    for name, found in vars(importlib.import_module(module)).items()
    if name.startswith("Yeastar") and isinstance(found, type) and issubclass(found, BaseOperator)
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_a_task_hides_nothing_of_airflow_s(task: type) -> None:
    """`_is_empty` once did: it is an attribute of Airflow 2's operators, which the serialized DAG then held."""
    airflows = {*dir(BaseOperator), *vars(BaseOperator(task_id="any"))}
    ours = {name for base in task.__mro__ if base.__module__.startswith("airflow_provider") for name in vars(base)}

    # Not what Python and Airflow keep on each class for themselves.
    kept = {name for name in ours if name.startswith(("__", "_BaseOperator__"))} | {"_abc_impl"}
    hidden = (ours & airflows) - OVERRIDDEN - kept

    assert hidden == set()
