"""Periods of a report in a table: what belongs there, what may replace what, and the transaction that does it."""
