"""Sensors: wait until a report is ready to be downloaded."""
