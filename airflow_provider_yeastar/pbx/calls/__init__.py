"""Calls (CDR) and recordings: how they are asked for, read page by page, and known to be complete. Pure."""
