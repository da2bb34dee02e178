"""Triggers: waits that run in the triggerer, without a worker slot."""
