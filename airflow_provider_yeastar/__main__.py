"""``python -m airflow_provider_yeastar``: tools for setting up a connection."""

from __future__ import annotations

import sys

from airflow_provider_yeastar.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
