"""The connection form of Airflow before 3.2, made of the provider info that later Airflows read by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_yeastar.compat import AIRFLOW_3
from airflow_provider_yeastar.get_provider_info import get_provider_info

__all__ = ["form_behaviour", "form_widgets"]


def form_widgets() -> dict[str, Any]:
    """Return the form's extra fields, as Flask-AppBuilder draws them.

    :return: for each extra of the connection its field, by name.
    """
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from flask_babel import lazy_gettext
    from wtforms import StringField

    return {
        name: StringField(
            lazy_gettext(field["label"]),
            validators=_validators(field["schema"]),
            default=field["schema"].get("default"),
            description=field["description"],
            widget=BS3TextFieldWidget(),
        )
        for name, field in _connection_type()["conn-fields"].items()
    }


def form_behaviour() -> dict[str, Any]:
    """Return labels, placeholders and hidden fields of the form.

    :return: in the shape of ``customized_form_field_behaviours.schema.json`` of Airflow.
    """
    behaviour = _connection_type()["ui-field-behaviour"]
    return {
        "hidden_fields": behaviour["hidden-fields"],
        "relabeling": behaviour["relabeling"],
        "placeholders": behaviour["placeholders"],
    }


def _validators(schema: Mapping[str, Any]) -> list[Any]:
    """Airflow 3 turns a list of values into a choice.

    The form of 2.11 would reject another value without a message, as its script hides the field's error; there the Test
    button and the task say what is wrong.
    """
    from wtforms.validators import any_of

    return [any_of(schema["enum"])] if AIRFLOW_3 and "enum" in schema else []


def _connection_type() -> dict[str, Any]:
    connection_type: dict[str, Any] = get_provider_info()["connection-types"][0]
    return connection_type
