"""Operators that load what a PBX holds into a SQL warehouse of Airflow."""
