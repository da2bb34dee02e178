"""What Airflow reads about this provider, through the entry point ``apache_airflow_provider``.

Airflow reads it in every process that looks for providers, so nothing is imported here but the version.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_yeastar import __version__

__all__ = ["get_provider_info"]

_INTEGRATION = "Yeastar"


def get_provider_info() -> dict[str, Any]:
    """Return the metadata, in the shape of Airflow's ``provider_info.schema.json``.

    The form of the connection keeps to ``provider.yaml.schema.json`` too, which is the stricter one about it. Airflow
    reads the form here from 3.2 on; the hook's methods give earlier ones the same.
    """
    return {
        "package-name": "airflow-provider-yeastar",
        "name": "Yeastar",
        "description": "Call reports of `Yeastar P-Series PBXs <https://www.yeastar.com/p-series-phone-system/>`__.\n",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://help.yeastar.com/en/p-series-appliance-edition/developer-guide/",
                "tags": ["service"],
            }
        ],
        "operators": [
            _modules(
                "operators.call_report",
                "operators.cdr",
                "operators.missing_periods",
                "operators.recordings",
                "operators.report_rows",
            )
        ],
        "transfers": [
            {
                "source-integration-name": _INTEGRATION,
                "target-integration-name": "SQL",
                "python-module": f"airflow_provider_yeastar.transfers.{module}",
            }
            for module in ("to_sql", "cdr_to_sql")
        ],
        "sensors": [_modules("sensors.call_report")],
        "hooks": [_modules("hooks.yeastar")],
        "triggers": [_modules("triggers.call_report", "triggers.report_event", "triggers.call_event")],
        "extra-links": ["airflow_provider_yeastar.links.portal.YeastarPortalLink"],
        # The group ``airflow yeastar``; earlier versions than 3.2 pass this over.
        "cli": ["airflow_provider_yeastar.cli.commands.airflow_commands"],
        "config": {
            "yeastar": {
                "description": "Options of the Yeastar provider.",
                "options": {
                    "state_dir": {
                        "description": (
                            "Directory for the tokens and locks that the processes of a host share, private to "
                            "Airflow's user.\nLeft empty, it is the directory yeastar in AIRFLOW_HOME.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "/var/lib/airflow/yeastar",
                        "default": "",
                    },
                    "exclusive": {
                        "description": (
                            "Whether nobody but this Airflow makes or downloads reports at its PBXs: no other host, "
                            "program or person.\nOnly then can a PBX's event say whose report it announces. The extra "
                            "exclusive of a connection overrides it.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "False",
                    },
                    "state_url": {
                        "description": (
                            "URL of a Redis server that keeps tokens and turns in place of state_dir, for workers "
                            "and triggerers\non several hosts: redis://[[user]:password@]host[:port][/database], "
                            "or rediss:// for TLS.\nNeeds the extra redis of this provider.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "rediss://:password@redis.example.com:6379/0",
                        "default": "",
                        "sensitive": True,
                    },
                },
            }
        },
        "connection-types": [
            {
                "connection-type": "yeastar",
                "hook-class-name": "airflow_provider_yeastar.hooks.yeastar.YeastarHook",
                "hook-name": "Yeastar PBX",
                "ui-field-behaviour": _standard_fields(),
                "conn-fields": _extra_fields(),
            }
        ],
    }


def _modules(*names: str) -> dict[str, Any]:
    return {
        "integration-name": _INTEGRATION,
        "python-modules": [f"airflow_provider_yeastar.{name}" for name in names],
    }


def _standard_fields() -> dict[str, Any]:
    return {
        "hidden-fields": ["extra"],
        "relabeling": {"login": "Client ID", "password": "Client Secret"},
        "placeholders": {
            "host": "pbx.example.com",
            "port": "if left blank: 443 for https, 80 for http",
            "schema": "https",
            "login": "of the PBX's API application: Integrations > API",
            "password": "of the same application",
        },
    }


def _extra_fields() -> dict[str, Any]:
    return {
        "timezone": {
            "label": "Time zone",
            "description": "The PBX's IANA time zone, such as Europe/Berlin; if left blank, its present offset serves.",
            "schema": {"type": ["string", "null"]},
        },
        "ssl_fingerprint": {
            "label": "TLS fingerprint",
            "description": "SHA-256 fingerprint of the PBX's own certificate, in hex; takes the place of Verify TLS.",
            "schema": {"type": ["string", "null"]},
        },
        "proxy": {
            "label": "Proxy",
            "description": "environment (if left blank: HTTPS_PROXY, NO_PROXY, ...), none, or the URL of a proxy.",
            "schema": {"type": ["string", "null"]},
        },
        "verify": {
            "label": "Verify TLS",
            "description": "true (if left blank), false, or the path of a CA bundle for the PBX's certificate.",
            "schema": {"type": ["string", "null"]},
        },
        "api_version": {
            "label": "API version",
            "description": "v1.0 for data of firmware up to x.21.0.66, v2.0 from x.21.0.117 on; auto asks the PBX.",
            "schema": {"type": ["string", "null"], "enum": ["auto", "v1.0", "v2.0"], "default": "auto"},
        },
        "timeout": {
            "label": "Time-out",
            "description": "Seconds a single call may take to connect, and to go without an answer; 30 if left blank.",
            "schema": {"type": ["number", "null"], "exclusiveMinimum": 0},
        },
        "login_sharing": {
            "label": "Login sharing",
            "description": "host: all tasks that share a state share a token; none: each task logs in for itself.",
            "schema": {"type": ["string", "null"], "enum": ["host", "none"], "default": "host"},
        },
        "protect_secret": {
            "label": "Protect secret",
            "description": "Key with which `protect` hides personal data by hmac; 16 characters or more.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "exclusive": {
            "label": "Exclusive",
            "description": "true only if nobody but this Airflow makes reports at this PBX; see [yeastar] exclusive.",
            "schema": {"type": ["boolean", "null"]},
        },
        "date_format": {
            "label": "Date format",
            "description": "Only for firmware that does not tell: the PBX's date display format, such as DD/MM/YYYY.",
            "schema": {"type": ["string", "null"]},
        },
        "time_format": {
            "label": "Time format",
            "description": "Only for firmware that does not tell: the PBX's time format, hh:mm:ss or hh:mm:ss AM.",
            "schema": {"type": ["string", "null"]},
        },
    }
