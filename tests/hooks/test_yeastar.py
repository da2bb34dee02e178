from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import pytest

from airflow_provider_yeastar.compat import Connection
from airflow_provider_yeastar.get_provider_info import get_provider_info
from airflow_provider_yeastar.hooks.connection import naming_key, settings_from_connection
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, MissingConnectionError, Reaction
from airflow_provider_yeastar.pbx.settings import PbxSettings

# In a process of its own: while it looks, Airflow 3.1 puts stand-ins in the place of what it does without.
SHOW_EXTRA_FIELDS = """
import json
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

(form,) = [form for form in HookMetaService.hook_meta_data() if form.connection_type == "yeastar"]
fields = {
    name: [field["schema"]["title"], field["description"], field["schema"].get("enum")]
    for name, field in form.extra_fields.items()
}
print(json.dumps(fields))
"""


def connection(extra: dict[str, Any] | str | None = None, **changes: Any) -> Connection:
    fields = {
        "conn_id": "pbx_berlin",
        "conn_type": "yeastar",
        "host": "10.0.0.1",
        "port": 8088,
        "login": "the-client",
        "password": "the-secret",
        "schema": "https",
        "extra": json.dumps(extra) if isinstance(extra, dict) else extra,
    }
    return Connection(**fields | changes)


class TestNamingKey:
    def test_it_is_the_client_secret(self) -> None:
        assert naming_key(connection()) == "the-secret"

    def test_a_secret_that_outlives_the_client_secret_goes_before_it(self) -> None:
        assert naming_key(connection({"protect_secret": "sixteen letters!"})) == "sixteen letters!"


class TestSettingsFromConnection:
    def test_the_standard_fields(self) -> None:
        assert settings_from_connection(connection()) == PbxSettings(
            host="10.0.0.1", client_id="the-client", client_secret="the-secret", port=8088, scheme="https"
        )

    def test_https_is_the_default(self) -> None:
        assert settings_from_connection(connection(schema=None, port=None)).base_url == "https://10.0.0.1:443"

    def test_all_extras(self) -> None:
        extra = {
            "api_version": "v1.0",
            "timezone": "Europe/Berlin",
            "date_format": "DD/MM/YYYY",
            "time_format": "hh:mm:ss AM",
            "verify": False,
            "timeout": 5,
        }

        settings = settings_from_connection(connection(extra))

        assert (settings.api_version, settings.timezone) == ("v1.0", "Europe/Berlin")
        assert (settings.date_format, settings.time_format) == ("DD/MM/YYYY", "hh:mm:ss AM")
        assert (settings.verify, settings.timeout) == (False, 5.0)

    @pytest.mark.parametrize(
        ("given", "verify"),
        [
            pytest.param(None, True, id="left-out"),
            pytest.param("", True, id="empty-field-of-the-form"),
            pytest.param("false", False, id="text-of-the-form"),
            pytest.param("True", True, id="capital"),
            pytest.param(True, True, id="bool"),
            pytest.param("/etc/ssl/pbx.pem", "/etc/ssl/pbx.pem", id="bundle"),
        ],
    )
    def test_verify(self, given: object, verify: bool | str) -> None:
        assert settings_from_connection(connection({"verify": given})).verify == verify

    @pytest.mark.parametrize(
        ("given", "configured", "exclusive"),
        [
            pytest.param(None, None, False, id="left-out"),
            pytest.param(True, None, True, id="bool"),
            pytest.param("true", None, True, id="text-of-the-form"),
            pytest.param(None, "True", True, id="configured-for-all"),
            pytest.param("  ", "True", True, id="blank-field-of-the-form"),
            pytest.param(False, "True", False, id="the-connection-overrides"),
        ],
    )
    def test_exclusive(
        self, given: object, configured: str | None, exclusive: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if configured:
            monkeypatch.setenv("AIRFLOW__YEASTAR__EXCLUSIVE", configured)

        assert settings_from_connection(connection({"exclusive": given})).exclusive is exclusive

    def test_an_exclusive_that_is_neither_is_named_where_it_stands(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(InvalidSettingsError, match="The extra exclusive is 'perhaps'"):
            settings_from_connection(connection({"exclusive": "perhaps"}))
        monkeypatch.setenv("AIRFLOW__YEASTAR__EXCLUSIVE", "perhaps")
        with pytest.raises(InvalidSettingsError, match=r"`\[yeastar\] exclusive` is 'perhaps'"):
            settings_from_connection(connection({}))

    @pytest.mark.parametrize("empty", [None, "", "  "], ids=["null", "empty", "blank"])
    def test_empty_extras_of_the_form_are_left_out(self, empty: str | None) -> None:
        settings = settings_from_connection(connection({"timezone": empty, "api_version": empty}))

        assert (settings.timezone, settings.api_version) == (None, "auto")

    @pytest.mark.parametrize(
        "extra",
        [
            # What the Test button of Airflow 2.11 sends for a field that was filled in.
            pytest.param({"extra__yeastar__timezone": "Europe/Berlin", "timezone": "Europe/Berlin"}, id="both-names"),
            pytest.param({"extra__yeastar__timezone": "Europe/Berlin"}, id="the-form-s-name"),
            pytest.param(
                {"timezone": "Europe/Berlin", "extra__yeastar__timezone": ""}, id="the-extra-s-own-goes-first"
            ),
        ],
    )
    def test_a_name_with_the_form_s_prefix_is_the_extra_s_own(self, extra: dict[str, Any]) -> None:
        assert settings_from_connection(connection(extra)).timezone == "Europe/Berlin"

    @pytest.mark.parametrize(
        ("extra", "words"),
        [
            pytest.param({"verfy": False}, "unknown extra verfy", id="unknown"),
            pytest.param({"extra__yeastar__verfy": False}, "unknown extra verfy", id="unknown-with-the-form-s-prefix"),
            pytest.param({"extra__http__verify": False}, "unknown extra extra__http__verify", id="of-another-form"),
            pytest.param({"timeout": "soon"}, "extra timeout is 'soon'", id="timeout"),
            pytest.param({"timeout": 0}, "timeout is 0.0", id="timeout-zero"),
            pytest.param({"timezone": 2}, "extra timezone is 2", id="timezone-number"),
            pytest.param({"verify": 1}, "extra verify is 1", id="verify-number"),
            pytest.param({"api_version": "v9"}, "api_version is 'v9'", id="api-version"),
        ],
    )
    def test_bad_extras_are_named(self, extra: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidSettingsError, match=words):
            settings_from_connection(connection(extra))

    def test_an_extra_that_is_no_json_object_is_refused(self) -> None:
        with pytest.raises(InvalidSettingsError, match="is not a JSON object"):
            settings_from_connection(connection(extra="[1]"))

    def test_missing_credentials_are_named(self) -> None:
        with pytest.raises(InvalidSettingsError, match="Client Secret is missing"):
            settings_from_connection(connection(password=None))


class TestYeastarHook:
    def test_a_connection_that_does_not_exist_is_named(self) -> None:
        hook = YeastarHook("no_such_pbx")

        with pytest.raises(InvalidSettingsError, match="There is no Airflow connection 'no_such_pbx'"):
            hook.get_conn()

        works, sentence = hook.test_connection()
        assert not works
        assert "Create it (type Yeastar PBX), or set the task's `yeastar_conn_id`, now 'no_such_pbx'" in sentence

    def test_a_connection_that_airflow_does_not_give_is_retried_because_airflow_hides_an_outage_so(self) -> None:
        with pytest.raises(MissingConnectionError) as raised:
            YeastarHook("no_such_pbx").get_conn()

        assert raised.value.reaction is Reaction.ASK_AGAIN

    @pytest.mark.parametrize("held", ['{"host": ', '{"conn_type": "yeastar", "hosst": "pbx"}', "yeastar://[bad/"])
    def test_a_variable_that_airflow_cannot_read_is_named_without_what_it_holds(
        self, held: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_UNREADABLE_PBX", held)

        with pytest.raises(MissingConnectionError, match="variable AIRFLOW_CONN_UNREADABLE_PBX") as raised:
            YeastarHook("unreadable_pbx").get_conn()

        assert raised.value.reaction is Reaction.ASK_AGAIN
        assert held not in str(raised.value)

    def test_the_form_before_airflow_3_2_is_the_metadata_s(self) -> None:
        (metadata,) = get_provider_info()["connection-types"]

        behaviour = YeastarHook.get_ui_field_behaviour()

        assert metadata["hook-name"] == YeastarHook.hook_name
        assert metadata["connection-type"] == YeastarHook.conn_type
        assert behaviour["relabeling"] == metadata["ui-field-behaviour"]["relabeling"]
        assert behaviour["placeholders"] == metadata["ui-field-behaviour"]["placeholders"]

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the old web framework about itself
    def test_the_extra_fields_of_the_form_before_airflow_3_2_are_the_metadata_s(self) -> None:
        pytest.importorskip("wtforms", reason="Flask-AppBuilder, which makes these fields, is not installed")
        (metadata,) = get_provider_info()["connection-types"]

        widgets = YeastarHook.get_connection_form_widgets()

        assert {name: str(field.args[0]) for name, field in widgets.items()} == {
            name: field["label"] for name, field in metadata["conn-fields"].items()
        }
        assert {name: field.kwargs["description"] for name, field in widgets.items()} == {
            name: field["description"] for name, field in metadata["conn-fields"].items()
        }

    def test_the_web_ui_of_airflow_3_shows_the_extra_fields(self) -> None:
        pytest.importorskip("airflow.api_fastapi.core_api", reason="Airflow 2 has another web UI")
        if version("apache-airflow").startswith("3.0.") and not find_spec("flask_appbuilder"):
            pytest.skip("without Flask-AppBuilder, Airflow 3.0 shows the extra fields of no provider")
        (metadata,) = get_provider_info()["connection-types"]

        shown = subprocess.run([sys.executable, "-c", SHOW_EXTRA_FIELDS], capture_output=True, text=True, check=True)

        assert json.loads(shown.stdout.splitlines()[-1]) == {
            name: [field["label"], field["description"], field["schema"].get("enum")]
            for name, field in metadata["conn-fields"].items()
        }

    def test_every_extra_of_the_form_is_known(self) -> None:
        (metadata,) = get_provider_info()["connection-types"]

        # Empty values: each name must be accepted.
        settings_from_connection(connection(dict.fromkeys(metadata["conn-fields"], "")))
