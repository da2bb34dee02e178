"""Where the answers and frames that are decoded come from."""

from __future__ import annotations

PBX = "pbx.example.com:443"
WHERE = {"pbx": PBX, "endpoint": "openapi/v2.0/call_report/download"}
