"""Buttons on a task in the web UI of Airflow."""
