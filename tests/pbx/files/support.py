"""What the tests of whole files share: a workbook in one document, and the complaint about some bytes."""

from __future__ import annotations

import io

from airflow_provider_yeastar.pbx.files.whole import whole_complaint

SPREADSHEET_XML = (
    b'<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet/></Workbook>'
)


def complaint(content: bytes) -> str | None:
    return whole_complaint(io.BytesIO(content), len(content))
