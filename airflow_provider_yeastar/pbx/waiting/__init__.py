"""The wait for a report, from the request to the URL."""
