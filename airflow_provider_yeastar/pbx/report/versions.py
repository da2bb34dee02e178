"""Which version of the vendor's API a request goes to. Pure."""

from __future__ import annotations

import re

from airflow_provider_yeastar.pbx.report.checks import check_version
from airflow_provider_yeastar.pbx.report.request import ReportRequest

__all__ = ["choose_api_version"]

# Firmware x.21.0.67 and later: the reference knows x.21.0.66 for v1.0 and x.21.0.117 for v2.0; what lies between is [U]
# and was never released as far as is known.
_FIRST_V2_FIRMWARE = (21, 0, 67)


def choose_api_version(wanted: str, firmware: str, request: ReportRequest | None = None) -> str:
    """Return ``v1.0`` or ``v2.0``.

    :param wanted: ``auto``, ``v1.0`` or ``v2.0``.
    :param firmware: the PBX's version, such as ``37.23.0.123``; the first number tells the edition and does not count.
    :param request: a report that exists in v2.0 only is never asked for on v1.0.
    :raises InvalidRequestError: when it would be.
    """
    version = wanted
    if wanted == "auto":
        parts = re.match(r"\d+\.(\d+)\.(\d+)\.(\d+)", firmware)
        is_old = parts is not None and tuple(map(int, parts.groups())) < _FIRST_V2_FIRMWARE
        version = "v1.0" if is_old else "v2.0"
    if request and request.report_type:
        check_version(request.report_type, version)
    return version
