"""The body of a report: is it a file, is it whole, does it hold a row. Pure functions."""
