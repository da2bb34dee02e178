"""Our code in the processes of Airflow: what a trigger hands to its task, and waits that end when a task is killed."""
