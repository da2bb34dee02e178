"""The legs of a call on v2.0, from the timeline of its detail. Pure.

Vendor's page: "Query CDR Details" (v2.0 ``cdr/detail``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_yeastar.pbx.errors import NotAPbxError
from airflow_provider_yeastar.pbx.report.rows import with_clean_keys

__all__ = ["DETAIL_ENDPOINT", "decode_legs"]

DETAIL_ENDPOINT = "openapi/v2.0/cdr/detail"


def decode_legs(answer: Mapping[str, Any], uid: str, *, pbx: str) -> list[dict[str, Any]]:
    """Return the legs of a call as rows, each with the call's ``uid``; none where the timeline is null.

    :param answer: a successful one.
    :param uid: of the call.
    :param pbx: ``host:port``, for the message.
    :raises NotAPbxError: if the answer holds no timeline, or that of another call.
    """
    data = answer.get("data")
    timeline = data.get("timeline") if isinstance(data, dict) else ""
    legs = [] if timeline is None else timeline
    if not isinstance(legs, list) or not all(isinstance(leg, dict) for leg in legs):
        raise NotAPbxError("The detail of a call holds no timeline", pbx=pbx, endpoint=DETAIL_ENDPOINT)
    basic = data.get("basic") if isinstance(data, dict) else None
    told = basic.get("uid") if isinstance(basic, dict) else None
    if told not in (None, "") and str(told).strip() != uid:
        raise NotAPbxError("The PBX sent the detail of another call", pbx=pbx, endpoint=DETAIL_ENDPOINT)
    return [{"uid": uid} | leg | {"uid": uid} for leg in with_clean_keys(legs)]
