"""Commands for the command line: what `airflow yeastar` and `python -m airflow_provider_yeastar` run."""
