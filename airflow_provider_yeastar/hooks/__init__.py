"""Hooks: the Airflow connection and the verbs of a PBX for Python code."""
