"""Calls and their recordings as the API tells them: both versions of the CDR interface, events, files."""
