"""Calls (CDR): how they are asked for, read page by page, and known to be complete. Pure."""
