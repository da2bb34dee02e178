"""The PBX's API, without Airflow: pure modules for the rules, `transport` and `events` for the sockets."""
