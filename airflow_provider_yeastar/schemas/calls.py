"""The columns of calls (CDR), for each version of the interface. Pure.

On v1.0 a row is a leg of a call, its key ``new_id``; on v2.0 a row is a call, its key ``uid``. ``timestamp`` is the
time (Unix seconds, UTC); ``time`` is text in the display format of the PBX, which an administrator may change.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.schema import Schema

__all__ = ["CALL_SCHEMAS", "LEG_SCHEMA"]

_LEGS = (
    Column("new_id", "ID", "text", "", "L"),
    Column("uid", "Call UID", "text", "", "L"),
    Column("call_id", "Call ID", "text", "", "L"),
    Column("time", "Time", "text", "", "L"),
    Column("timestamp", "Timestamp", "integer", "seconds since 1970, UTC", "L"),
    Column("call_from", "Call From", "text", "", "L"),
    Column("call_from_number", "Call From Number", "text", "", "L"),
    Column("call_from_name", "Call From Name", "text", "", "I"),
    Column("call_to", "Call To", "text", "", "L"),
    Column("call_to_number", "Call To Number", "text", "", "L"),
    Column("call_to_name", "Call To Name", "text", "", "I"),
    Column("disposition", "Status", "text", "", "L"),
    Column("call_type", "Call Type", "text", "", "L"),
    Column("duration", "Duration", "duration", "", "I"),
    Column("ring_duration", "Ring Duration", "duration", "", "I"),
    Column("talk_duration", "Talk Duration", "duration", "", "I"),
    Column("src_trunk", "Source Trunk", "text", "", "I"),
    Column("dst_trunk", "Destination Trunk", "text", "", "I"),
    Column("did", "DID", "text", "", "L"),
    Column("did_number", "DID Number", "text", "", "I"),
    Column("dod_number", "Outbound Caller ID", "text", "", "I"),
    Column("pin_code", "PIN Code", "text", "", "L"),
    Column("record_file", "Recording", "text", "", "I"),
    Column("reason", "Reason", "text", "", "I"),
)

_CALLS = (
    Column("uid", "Call UID", "text", "", "D"),
    Column("time", "Time", "text", "", "I"),
    Column("timestamp", "Timestamp", "integer", "seconds since 1970, UTC", "I"),
    Column("call_type", "Call Type", "text", "", "I"),
    Column("call_from", "Call From", "text", "", "I"),
    Column("call_from_number", "Call From Number", "text", "", "I"),
    Column("call_from_name", "Call From Name", "text", "", "I"),
    Column("call_to", "Call To", "text", "", "I"),
    Column("call_to_number", "Call To Number", "text", "", "I"),
    Column("call_to_name", "Call To Name", "text", "", "I"),
    Column("second_participant", "Second Participant", "text", "", "I"),
    Column("second_participant_number", "Second Participant Number", "text", "", "I"),
    Column("second_participant_name", "Second Participant Name", "text", "", "I"),
    Column("last_participant", "Last Participant", "text", "", "I"),
    Column("last_participant_number", "Last Participant Number", "text", "", "I"),
    Column("last_participant_name", "Last Participant Name", "text", "", "I"),
    Column("last_status", "Last Status", "text", "", "I"),
    Column("call_duration", "Call Duration", "duration", "", "I"),
    Column("routing_duration", "Routing Duration", "duration", "", "I"),
    Column("handling_duration", "Handling Duration", "duration", "", "I"),
    Column("queues", "Queues", "text", "JSON", "I"),
    Column("ivrs", "IVRs", "text", "JSON", "I"),
    Column("ring_groups", "Ring Groups", "text", "JSON", "I"),
    Column("call_flows", "Call Flows", "text", "JSON", "I"),
    Column("dids", "DIDs", "text", "JSON", "I"),
    Column("outbound_caller_ids", "Outbound Caller IDs", "text", "JSON", "I"),
    Column("segments", "Segments", "text", "JSON", "I"),
    Column("disconnected_by", "Disconnected By", "text", "", "I"),
)

_DETAILS = (
    Column("uid", "Call UID", "text", "", "D"),
    Column("leg", "Leg", "integer", "", "I"),
    Column("transaction_id", "Transaction ID", "text", "", "I"),
    Column("cdr_id", "CDR ID", "text", "", "I"),
    Column("time", "Time", "text", "", "I"),
    Column("status", "Status", "text", "", "I"),
    Column("call_type", "Call Type", "text", "", "I"),
    Column("call_from", "Call From", "text", "", "I"),
    Column("call_to", "Call To", "text", "", "I"),
    Column("call_duration", "Call Duration", "duration", "", "I"),
    Column("ring_duration", "Ring Duration", "duration", "", "I"),
    Column("talk_duration", "Talk Duration", "duration", "", "I"),
    Column("hold_duration", "Hold Duration", "duration", "", "I"),
    Column("recording_id", "Recording ID", "text", "", "I"),
    Column("event_list", "Events", "text", "JSON", "I"),
)

CALL_SCHEMAS: Mapping[str, Schema] = {
    "v1.0": Schema("cdr v1.0", _LEGS),
    "v2.0": Schema("cdr v2.0", _CALLS),
}
"""The schema of each version of the interface."""

LEG_SCHEMA = Schema("cdr legs v2.0", _DETAILS)
"""The legs of calls of v2.0, as their details have them."""
