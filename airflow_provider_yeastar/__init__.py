"""Call reports of Yeastar P-Series PBXs for Apache Airflow."""

__version__ = "0.1.0"
